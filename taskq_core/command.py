"""A command: one script call with its keys, its arguments, and how its reply is read. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from taskq_core.scripts import Script

T = TypeVar("T")
Arg = str | bytes | int


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """Sent by a client. Every command may be sent twice: scripts do nothing twice.

    ``then``: further commands, sent right behind on the same connection; ``parse`` is then given all replies,
    those of these commands also when they are errors.
    """

    script: Script
    keys: Sequence[str]
    args: Sequence[Arg]
    parse: Callable[[Any], T]
    then: Sequence[tuple[Any, ...]] = ()


def text(value: object) -> str:
    """A reply as text, whatever the protocol made of it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def score_ms(value: object) -> int:
    """A sorted set's score as whole ms; 0 for one that is no time, as anybody may write it."""
    score = float(text(value))
    return int(score) if math.isfinite(score) else 0


def same(value: Any) -> Any:
    """The reply as it is."""
    return value


def pairs(flat: Sequence[Any]) -> dict[str, str]:
    """A flat field, value list as a dict of text."""
    it = iter(flat)
    return {text(k): text(v) for k, v in zip(it, it, strict=True)}
