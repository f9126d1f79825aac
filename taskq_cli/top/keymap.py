"""Every key of the view, once: bindings, footer, help and documentation are made from this list.

Lower case reads, upper case changes something. `changes` keys do nothing in a read-only view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from taskq_core import UsageError

SCREENS: Final = (
    ("overview", "Overview"),
    ("queues", "Queues"),
    ("jobs", "Jobs"),
    ("failures", "Failures"),
    ("workers", "Workers"),
    ("schedules", "Schedules"),
    ("events", "Events"),
    ("charts", "Charts"),
    ("server", "Server"),
)
"""Name and title, in the order of their keys 1 to 9."""
LISTS: Final = ("queues", "jobs", "failures", "workers", "schedules", "events")
OF_QUEUE: Final = ("tenants", "groups")
"""Lists that a key leads to where a queue has any."""
DETAILS: Final = ("job", "worker", *OF_QUEUE)
"""Screens without a number of their own."""
LISTED: Final = (*LISTS, *OF_QUEUE)


@dataclass(frozen=True, slots=True)
class Key:
    """A key. ``name`` is what a configuration calls it; ``screens`` where it works, none: everywhere.

    ``label`` is its word in the footer; without one it stands in the help only.
    """

    name: str
    keys: str
    action: str
    help: str
    label: str = ""
    screens: tuple[str, ...] = ()
    changes: bool = False

    @property
    def shown(self) -> str:
        """Its first key as it is written in the footer and the help."""
        return shown_key(self.keys.split(",")[0])


_NAMED: Final[Mapping[str, str]] = {
    "enter": "⏎", "escape": "esc", "question_mark": "?", "slash": "/", "colon": ":", "asterisk": "*",
    "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{",
    "right_curly_bracket": "}",
}  # fmt: skip

KEYMAP: Final[tuple[Key, ...]] = (
    *(
        Key(name, str(number), f"go('{name}')", f"Show {title.lower()}")
        for number, (name, title) in enumerate(SCREENS, 1)
    ),
    Key("help", "question_mark", "help", "Show all keys", "help"),
    Key("down", "j,down", "move(1)", "Next row"),
    Key("up", "k,up", "move(-1)", "Row before"),
    Key("page-down", "pagedown,ctrl+f", "page(1)", "Next page"),
    Key("page-up", "pageup,ctrl+b", "page(-1)", "Page before"),
    Key("first", "g,home", "edge(-1)", "First row"),
    Key("last", "G,end", "edge(1)", "Last row"),
    Key("open", "enter", "open", "Open what the cursor is on", "open", (*LISTED, "overview")),
    Key("other-list", "tab", "focus_next", "Go to the other list", "list", ("overview",)),
    Key("back", "escape", "step_back", "Back to where you came from", "back"),
    Key("filter", "slash", "filter", "Show only rows that match: text, or column~text", "filter", LISTED),
    Key("clear", "c", "clear_filter", "Show all rows again", "", LISTED),
    Key("sort", "o", "sort", "Sort by the next column; again within two seconds adds one", "sort", LISTED),
    Key("invert", "i", "invert", "Turn the order round", "", LISTED),
    Key("mark", "space", "mark", "Mark the row", "mark",
        ("jobs", "queues", "failures", "workers", "schedules", "tenants")),
    Key("mark-all", "asterisk", "mark_all", "Mark all rows that are shown, or none", "", LISTED),
    Key("state", "s", "next_state", "Show jobs of the next state", "state", ("jobs",)),
    Key("next-page", "n", "next_page", "Further jobs of the list", "more", ("jobs",)),
    Key("raw", "r", "raw", "Show the job as JSON, or readable again", "raw", ("job",)),
    Key("metric", "v", "next_metric", "Chart the next figure", "figure", ("charts",)),
    Key("why", "w", "why", "Say why it waits", "why", ("overview", "queues", "jobs", "job")),
    Key("tenants", "u", "tenants", "Show the tenants of the queue", "tenants",
        ("overview", "queues", "jobs", "groups")),
    Key("groups", "b", "groups", "Show groups of jobs, and how far they are", "groups",
        ("overview", "queues", "jobs", "tenants")),
    Key("freeze", "z", "freeze", "Hold the picture, or let it go on", "freeze"),
    Key("earlier", "left_square_bracket", "travel(-1)", "One tick back in time"),
    Key("later", "right_square_bracket", "travel(1)", "One tick on in time"),
    Key("much-earlier", "left_curly_bracket", "travel(-60)", "A minute back in time"),
    Key("much-later", "right_curly_bracket", "travel(60)", "A minute on in time"),
    Key("go-to", "t", "go_to_time", "Go to a time: 12:04, or 5m for five minutes ago"),
    Key("live", "ctrl+t", "live", "Back to what is now"),
    Key("copy", "y", "copy_id", "Copy the name or id", "copy", (*LISTS, *DETAILS)),
    Key("copy-command", "ctrl+y", "copy_command", "Copy the taskq command for what is shown"),
    Key("write", "W", "write_view", "Write what is shown to a file"),
    Key("maximise", "m", "maximise", "Give the list the whole screen, or take it back"),
    Key("palette", "colon,ctrl+p", "command_palette", "Find a command by its name"),
    Key("retry", "R", "retry", "Retry jobs, or a group of failures", "retry", ("jobs", "failures", "job"),
        changes=True),
    Key("cancel", "K", "cancel", "Cancel jobs", "cancel", ("jobs", "job"), changes=True),
    Key("bury", "B", "bury", "Bury jobs: no further attempt", "", ("jobs", "failures", "job"), changes=True),
    Key("delete", "D", "delete", "Delete dead jobs, or a group of failures", "delete",
        ("jobs", "failures", "job"), changes=True),
    Key("pause", "P", "pause", "Pause the queue, schedule or tenant, or let it go on", "pause",
        ("overview", "queues", "schedules", "tenants"), changes=True),
    Key("trigger", "T", "trigger", "Trigger the schedule now, beside its timetable", "trigger",
        ("schedules",), changes=True),
    Key("purge", "X", "purge", "Purge the queue's jobs of a state", "", ("queues",), changes=True),
    Key("enqueue", "A", "enqueue", "Enqueue a job", "", ("queues", "jobs"), changes=True),
    Key("edit", "E", "edit", "Edit a job's payload and enqueue it as a new one", "edit", ("jobs", "job"),
        changes=True),
    Key("stop", "S", "stop", "Stop the worker in good order", "stop", ("workers", "worker"), changes=True),
    Key("redraw", "ctrl+l", "redraw", "Draw everything again"),
    Key("suspend", "ctrl+z", "suspend_process", "Suspend the view; `fg` brings it back"),
    Key("quit", "q,ctrl+c,ctrl+q", "quit", "Leave", "quit"),
)  # fmt: skip


def shown_key(key: str, *, ascii_only: bool = False) -> str:
    """A key of Textual as people write it."""
    shown = _NAMED.get(key, key)
    return shown if shown.isascii() or not ascii_only else key


def keys_of(screen: str, *, read_only: bool) -> Iterator[Key]:
    """The keys that work on a screen."""
    for key in KEYMAP:
        if (not key.screens or screen in key.screens) and not (key.changes and read_only):
            yield key


def remapped(changes: Mapping[str, str]) -> dict[str, str]:
    """Keys by name, as a configuration changes them. Raises: UsageError for an unknown name or a clash."""
    known = {key.name: key for key in KEYMAP}
    for name in changes:
        if name not in known:
            raise UsageError(f"no key named {name[:60]!r} in top", hint=f"Names: {', '.join(known)}")
    chosen = {name: changes.get(name, key.keys) for name, key in known.items()}
    taken: dict[tuple[str, str], str] = {}
    for name, keys in chosen.items():
        for screen in known[name].screens or (*dict(SCREENS), *DETAILS):
            for one in keys.split(","):
                other = taken.setdefault((one.strip(), screen), name)
                if other != name:
                    raise UsageError(f"key {one!r} of top is given to both {other!r} and {name!r}")
    return {name: keys for name, keys in chosen.items() if name in changes}


def screen_named(name: str) -> str:
    """The screen of that name, or of the key 1 to 9. Raises: UsageError."""
    names = [name for name, _ in SCREENS]
    if name.isascii() and name.isdigit() and 1 <= int(name[:3]) <= len(names):
        return names[int(name[:3]) - 1]
    if name.lower() not in names:
        raise UsageError(f"no screen {name[:40]!r}", hint=f"One of: {', '.join(names)}")
    return name.lower()
