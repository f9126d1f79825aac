"""Which tests are asked about a mutant, those that most likely notice it first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

FIRST = {
    "abreast": ("tenants", "turns"),
    "account": ("groups", "group_counters"),
    "ack": ("ack", "lost_tail", "unique", "events"),
    "add_schedule": ("schedules",),
    "admit": ("limits", "enqueue"),
    "adopt": ("leases", "fencing", "twice"),
    "aged": ("gates",),
    "allowance": ("gates", "gates_model"),
    "allowed": ("tenants", "turns"),
    "behind": ("states",),
    "bury": ("bury",),
    "busy": ("tenants", "gates"),
    "cancel": ("operate", "events", "lull"),
    "catch": ("tenants", "gates", "turns"),
    "census": ("lull",),
    "chronicle": ("report", "twice"),
    "claim": ("claim", "leases"),
    "claim_flow": ("gates", "tenants", "gates_model", "turns"),
    "close": ("gates", "gates_model"),
    "conclude": ("groups", "chains", "group_counters"),
    "configure": ("operate", "limits"),
    "crowd": ("tenants",),
    "crowded": ("tenants",),
    "delete": ("operate", "twice"),
    "discount": ("groups", "group_counters"),
    "drain": ("operate", "twice"),
    "enlist": ("tenants", "turns"),
    "enqueue": ("enqueue", "unique", "limits"),
    "enrol": ("groups", "group_counters"),
    "fail": ("fail", "fencing", "unique"),
    "fetch": ("gates", "gates_model"),
    "finish": ("ack", "lost_tail"),
    "fire": ("schedules",),
    "follow": ("chains", "groups"),
    "forget": ("tenants", "turns"),
    "full": ("limits", "enqueue", "import_jobs"),
    "gates": ("gates", "gates_model"),
    "gcra": ("gates", "gates_model"),
    "heartbeat": ("fencing", "leases", "twice"),
    "holder": ("unique",),
    "holdings": ("groups", "chains"),
    "import_jobs": ("import_jobs", "limits"),
    "key_of": ("gates", "gates_model"),
    "keyed": ("gates", "gates_model"),
    "known": ("import_jobs",),
    "last_delivered": ("purge", "views"),
    "launch": ("schedules",),
    "leave": ("tenants", "turns"),
    "lift": ("lull",),
    "listener": ("events",),
    "locate": ("operate", "lost_tail", "views"),
    "lull": ("lull",),
    "member": ("groups", "chains"),
    "mine": ("groups", "chains"),
    "next_look": ("gates", "gates_model"),
    "note": ("schedules",),
    "notes": ("report",),
    "open": ("tenants", "turns"),
    "open_group": ("groups",),
    "parking": ("gates", "gates_model"),
    "parse": ("bury",),
    "pass": ("gates", "gates_model"),
    "pause": ("operate", "twice"),
    "pause_schedule": ("schedules",),
    "pending": ("leases", "twice"),
    "place": ("import_jobs", "lost_tail"),
    "probe": ("observe", "refusals"),
    "promote": ("promote",),
    "publish": ("events",),
    "purge_index": ("purge",),
    "purge_ready": ("purge", "lull"),
    "purge_tenant": ("tenants",),
    "quotas": ("tenants", "turns"),
    "reclaim": ("leases", "fencing"),
    "record": ("promote", "operate"),
    "recount": ("report",),
    "register": ("leases", "fencing", "twice"),
    "release": ("leases", "fencing", "twice"),
    "remember": ("operate",),
    "remove": ("operate", "twice"),
    "remove_group": ("groups",),
    "remove_parts": ("lull", "purge", "tenants"),
    "remove_schedule": ("schedules",),
    "report": ("report", "twice"),
    "resume": ("operate", "twice"),
    "resume_schedule": ("schedules",),
    "retire": ("leases", "twice"),
    "retry": ("operate", "twice"),
    "ring": ("tenants", "turns"),
    "rouse": ("claim", "enqueue"),
    "seal_group": ("groups",),
    "seat": ("tenants", "turns"),
    "serve": ("tenants", "turns"),
    "set_tenant": ("tenants", "turns"),
    "settle": ("groups", "group_counters"),
    "tally": ("ack", "enqueue", "views"),
    "tell": ("operate", "twice"),
    "teller": ("report",),
    "tidy": ("gates_counted", "lull", "gates", "gates_model"),
    "trigger": ("schedules",),
    "trim": ("fail", "bury"),
    "unfinished": ("schedules", "lost_tail"),
    "unpark": ("tenants", "turns"),
    "vacate": ("gates", "gates_model", "gates_counted"),
    "waits": ("tenants", "gates"),
    "watch": ("leases", "twice"),
    "witness": ("events",),
}


def killers(file: str, tests: Path) -> list[list[str]]:
    """Test files in rounds: those of the script or of the scripts that use a part; the model; all others.

    In rounds, for to collect all tests takes longer than to run the first few.
    """
    name = Path(file).stem
    users = [name, *users_of(name, tests.parent / "taskq_core" / "lua")] if "parts/" in file else [name]
    named = [f"scripts/test_{about}.py" for user in users for about in FIRST.get(user, ())]
    first = list(dict.fromkeys(named))[:8]
    second = ["scripts/test_twice.py", "chaos/test_stateful.py"]
    others = sorted(str(path.relative_to(tests)) for path in tests.glob("scripts/test_*.py"))
    rest = [path for path in others if path not in first + second]
    return [[f"tests/{path}" for path in some] for some in (first, second, rest) if some]


def users_of(part: str, folder: Path) -> Sequence[str]:
    """The scripts that a part is put into."""
    use = re.compile(rf"^--#use .*\b{part}\b", re.MULTILINE)
    return sorted(path.stem for path in folder.glob("*.lua") if use.search(path.read_text()))
