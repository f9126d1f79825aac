"""Where clients look whether anybody counts what they enqueue. Imports nothing: enqueueing waits for it."""

from __future__ import annotations

from typing import Any, Protocol


class EnqueueCounter(Protocol):
    """Counts; safe to call from several threads."""

    def enqueued(self, place: tuple[str, str], groups: Any, receipts: Any) -> None:
        """A call was answered. ``place``: namespace and queue."""

    def refused(self, place: tuple[str, str], groups: Any, error: Exception) -> None:
        """A call failed."""


counter: EnqueueCounter | None = None
"""None: nobody counts, and nothing is done for it."""
