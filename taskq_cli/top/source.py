"""Where frames come from: a live server, a recording, or a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from taskq_cli.top.frame import Frame
from taskq_core import Minute


@dataclass(frozen=True, slots=True)
class Tick:
    """A frame, and what was counted before it, by queue, where that is not known yet."""

    frame: Frame
    past: Mapping[str, Sequence[Minute]] = field(default_factory=dict)


class Source(Protocol):
    """Gives ticks. Called from a thread; may block as long as the server takes."""

    label: str
    """What is looked at, such as `prod:default`."""

    def tick(self) -> Tick | None:
        """The next one; None when a recording has ended. Raises: TaskqError."""
        ...

    def attend(self, queues: Iterable[str]) -> None:
        """These queues are on screen. Where not all can be told of at each tick, they are."""
        ...

    def close(self) -> None:
        """Gives back connections and files."""
        ...
