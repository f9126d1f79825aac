"""The values that a parameter may have, by its name or by what its help calls it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from taskq_cli.complete.place import Place
from taskq_cli.complete.position import Position
from taskq_cli.options import FORMATS
from taskq_core import queue_names, task_names

NAMES_S: Final = 0.1
"""Seconds that the server has to tell its names: whoever pressed a key waits for it."""
Names = tuple[str, ...]
MAX_FILES: Final = 200
LEVELS: Final = ("critical", "high", "normal", "low")
STATES: Final = ("scheduled", "ready", "running", "dead")
SHELLS: Final = ("bash", "zsh", "fish")

Choice = tuple[str, str]
"""A value, and a few words about it or none."""


def values_of(param: Any, at: Position) -> Iterator[Choice]:
    """The values that may be written for a parameter."""
    kind = (param.metavar or "").rstrip("…").strip("[]")
    find = _BY_NAME.get(param.name) or _BY_KIND.get(kind)
    if find is not None:
        for value in find(at):
            yield value, ""


def subcommands(command: Any) -> Iterator[Choice]:
    """The commands below a command, with their help lines."""
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield name, command.get_command(None, name).get_short_help_str(80)


def options(command: Any) -> Iterator[Choice]:
    """The long flags of a command, with their help."""
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            yield max(param.opts, key=len), (param.help or "").strip()
    yield "--help", "Show this message and exit."


def _queues(at: Position) -> Names:
    return _asked(queue_names, at)


def _tasks(at: Position) -> Names:
    return _asked(task_names, at)


def _asked(names: Callable[[str, str, float], Names], at: Position) -> Names:
    place = Place.of(at.given)
    found: list[str] = []
    # in a thread, because looking up a host's name knows no time limit
    asking = threading.Thread(
        target=lambda: found.extend(names(place.url, place.namespace, NAMES_S)), daemon=True
    )
    asking.start()
    asking.join(NAMES_S)
    return tuple(found)


def _profiles(at: Position) -> Names:
    return Place.profiles()


def _several(values: Names) -> Callable[[Position], Names]:
    """Values of a list with commas: those that it does not hold yet."""

    def find(at: Position) -> Names:
        head, comma, _ = at.typed.rpartition(",")
        held = head.split(",")
        return tuple(head + comma + value for value in values if value not in held)

    return find


def _files(at: Position) -> Names:
    sign = "@" if at.typed.startswith("@") else ""
    folder, _, start = at.typed.removeprefix("@").rpartition("/")
    where = folder + "/" if "/" in at.typed else ""
    found = sorted(file for file in Path(where or ".").iterdir() if file.name.startswith(start))
    shown = (file for file in found if start or not file.name.startswith("."))
    names = (f"{sign}{where}{file.name}{'/' if file.is_dir() else ''}" for file in shown)
    return tuple(name for name, _ in zip(names, range(MAX_FILES), strict=False))


def _fixed(values: Names) -> Callable[[Position], Names]:
    return lambda _: values


_BY_NAME: Final[Mapping[str, Callable[[Position], Names]]] = {
    "profile": _profiles,
    "output": _fixed(FORMATS),
    "priority": _fixed(LEVELS),
    "state": _several(STATES),
    "task": _tasks,
    "shell": _fixed(SHELLS),
    "payload": _files,
    "file": _files,
}
_BY_KIND: Final[Mapping[str, Callable[[Position], Names]]] = {
    "QUEUE": _queues,
    "GLOB": _queues,
    "TASK": _tasks,
    "STATE,": _several(STATES),
    "FILE": _files,
}
