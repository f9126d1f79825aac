"""Which tests are asked about a mutant, those that most likely notice it first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

FIRST = {
    "ack": ("ack", "lost_tail", "unique", "events"),
    "add_schedule": ("schedules",),
    "admit": ("limits", "enqueue"),
    "adopt": ("leases", "fencing", "twice"),
    "behind": ("states",),
    "bury": ("bury",),
    "cancel": ("operate", "events"),
    "chronicle": ("report", "twice"),
    "claim": ("claim", "leases"),
    "closed": ("schedules",),
    "configure": ("operate", "limits"),
    "delete": ("operate", "twice"),
    "drain": ("operate", "twice"),
    "enqueue": ("enqueue", "unique", "limits"),
    "fail": ("fail", "fencing", "unique"),
    "finish": ("ack", "lost_tail"),
    "fire": ("schedules",),
    "full": ("limits", "enqueue", "import_jobs"),
    "heartbeat": ("fencing", "leases", "twice"),
    "holder": ("unique",),
    "import_jobs": ("import_jobs", "limits"),
    "known": ("import_jobs",),
    "last_delivered": ("purge", "views"),
    "launch": ("schedules",),
    "listener": ("events",),
    "locate": ("operate", "lost_tail", "views"),
    "note": ("schedules",),
    "notes": ("report",),
    "parse": ("bury",),
    "pause": ("operate", "twice"),
    "pause_schedule": ("schedules",),
    "pending": ("leases", "twice"),
    "place": ("import_jobs", "lost_tail"),
    "probe": ("observe", "refusals"),
    "promote": ("promote",),
    "publish": ("events",),
    "purge_index": ("purge",),
    "purge_ready": ("purge",),
    "reclaim": ("leases", "fencing"),
    "recount": ("report",),
    "record": ("promote", "operate"),
    "report": ("report", "twice"),
    "register": ("leases", "fencing", "twice"),
    "release": ("leases", "fencing", "twice"),
    "remember": ("operate",),
    "remove": ("operate", "twice"),
    "remove_schedule": ("schedules",),
    "resume": ("operate", "twice"),
    "resume_schedule": ("schedules",),
    "retire": ("leases", "twice"),
    "retry": ("operate", "twice"),
    "rouse": ("claim", "enqueue"),
    "tally": ("ack", "enqueue", "views"),
    "teller": ("report",),
    "tell": ("operate", "twice"),
    "trigger": ("schedules",),
    "trim": ("fail", "bury"),
    "unfinished": ("schedules", "lost_tail"),
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
