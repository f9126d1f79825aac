"""Asking before something is destroyed: on a terminal a question, elsewhere a refusal."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from taskq_cli.sanitize import clean
from taskq_core import Refused


class NotConfirmed(Refused):
    """Nobody agreed; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Danger:
    """What is to be agreed to. ``name`` has to be typed, unless ``given`` by a flag is the same.

    ``protected``: the name of a protected profile, which no flag satisfies.
    """

    question: str
    name: str | None = None
    given: str | None = None
    protected: str | None = None
    yes: bool = False


def ask_for(danger: Danger) -> None:
    """Returns when it was agreed to. Raises: NotConfirmed."""
    if danger.given is not None and danger.given != danger.name:
        raise NotConfirmed(
            f"--confirm says {clean(danger.given)!r}, but the queue is {danger.name!r}",
            hint="Nothing was changed",
        )
    if danger.protected is not None:
        _typed(danger.question, danger.protected, f"profile {danger.protected!r} is protected")
    elif danger.name is not None and danger.given is None:
        _typed(danger.question, danger.name, f"it needs --confirm {danger.name}")
    elif danger.name is None and not danger.yes:
        _agreed(danger.question)


def _typed(question: str, name: str, reason: str) -> None:
    _need_terminal(question, reason)
    if _answer(f"{question} Type {name!r} to go on: ") != name:
        raise NotConfirmed("not confirmed", hint="Nothing was changed")


def _agreed(question: str) -> None:
    _need_terminal(question, "off a terminal this needs --yes")
    if _answer(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise NotConfirmed("not confirmed", hint="Nothing was changed")


def _need_terminal(question: str, reason: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotConfirmed(f"refused: {question} {reason}", hint="See what it would do first with --dry-run")


def _answer(prompt: str) -> str:
    # on stderr: stdout is data, and may be piped while a terminal is there to ask
    sys.stderr.write(clean(prompt, 300))
    sys.stderr.flush()
    return sys.stdin.readline().strip()
