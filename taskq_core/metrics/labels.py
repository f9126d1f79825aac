"""Limits on series: what comes from outside must not make more of them than a Prometheus can bear. Pure."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "_unknown"
"""The task of jobs that no handler is registered for."""
OTHER: Final = "_other"
"""What is beyond a limit. No queue can be named so; a task of that name is counted among them."""
MAX_TASKS: Final = 500
"""Pairs of queue and task with series of their own in one process."""
MAX_QUEUES: Final = 500
"""Queues with series of their own in one process."""


class Admission:
    """Lets the first pairs of queue and task in, and counts the others as `OTHER`."""

    def __init__(self) -> None:
        self._pairs: set[tuple[str, str]] = set()
        self._queues: set[str] = set()

    def pair(self, queue: str, task: str) -> tuple[str, str]:
        """The labels of a queue and a task."""
        pair = (self.queue(queue), task)
        if pair in self._pairs:
            return pair
        if len(self._pairs) >= MAX_TASKS or pair[0] == OTHER:
            return pair[0], OTHER
        self._pairs.add(pair)
        return pair

    def queue(self, queue: str) -> str:
        """The label of a queue."""
        if queue not in self._queues:
            if len(self._queues) >= MAX_QUEUES:
                return OTHER
            self._queues.add(queue)
        return queue
