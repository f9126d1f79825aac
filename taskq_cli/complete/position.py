"""What may stand at the end of an unfinished command line. Nothing is checked, and nothing asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Position:
    """The end of a command line: the command that stands there, and what was said to it.

    ``awaiting``: the option whose value is being written. ``given``: the values of the options so far.
    ``prefix``: what of the last word stays, such as `--state=` or `ready,`.
    """

    command: Any
    words: list[str] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)
    awaiting: Any = None
    after_dashes: bool = False
    prefix: str = ""
    typed: str = ""

    @property
    def argument(self) -> Any:
        """The positional parameter that comes next; the last one when it takes several; else None."""
        found = [param for param in self.command.params if param.param_type_name == "argument"]
        taken = len(self.words)
        for param in found:
            if param.nargs == -1 or taken == 0:
                return param
            taken -= 1
        return None


def read_position(root: Any, words: Sequence[str]) -> Position:
    """The position behind all words but the last one, which is unfinished."""
    at = Position(root)
    for word in words[:-1]:
        _step(at, word)
    _last(at, words[-1] if words else "")
    return at


def _step(at: Position, word: str) -> None:
    if at.awaiting is not None:
        at.given[at.awaiting.name] = word
        at.awaiting = None
    elif word == "--" and not at.after_dashes:
        at.after_dashes = True
    elif word.startswith("-") and word != "-" and not at.after_dashes:
        _option(at, word)
    elif not at.words and (command := _subcommand(at.command, word)) is not None:
        at.command = command
    else:
        at.words.append(word)


def _option(at: Position, word: str) -> None:
    flag, equals, value = word.partition("=")
    option = option_of(at.command, flag)
    if option is None or option.is_flag:
        return
    if equals:
        at.given[option.name] = value
    else:
        at.awaiting = option


def _last(at: Position, word: str) -> None:
    flag, equals, value = word.partition("=")
    if at.awaiting is None and equals and flag.startswith("--") and not at.after_dashes:
        option = option_of(at.command, flag)
        if option is not None and not option.is_flag:
            at.awaiting, at.prefix, word = option, flag + "=", value
    at.typed = word


def option_of(command: Any, flag: str) -> Any:
    """The option of a command that has this flag; None when none has."""
    options = (param for param in command.params if param.param_type_name == "option")
    return next((option for option in options if flag in option.opts), None)


def _subcommand(command: Any, word: str) -> Any:
    find = getattr(command, "get_command", None)
    return None if find is None else find(None, word)
