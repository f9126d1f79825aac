"""Looking through queues for jobs, one bounded step after the other, and saying how far it went."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from taskq_cli.endings import Terminated
from taskq_cli.session import Session
from taskq_core import Client, JobDetail, JobFilter, State

PAGE: Final = 1_000
"""Jobs asked for in one call."""
PROGRESS_S: Final = 2.0
"""How often somebody at a terminal hears how far a search has come."""


class Place(NamedTuple):
    """Where a search goes on: a queue, a state, and a cursor in that list."""

    queue: str
    state: State
    cursor: str = ""

    def __str__(self) -> str:
        return "/".join(self)


class Search:
    """The wanted jobs of several places, ``limit`` at most. Afterwards ``next`` says where it would go on."""

    def __init__(
        self, client: Client, places: Sequence[Place], where: JobFilter, limit: int | None = None
    ) -> None:
        self.where = where
        self.looked = 0
        self.matched = 0
        self.next: Place | None = None
        self._client = client
        self._places = places
        self._limit = limit
        self._told = time.monotonic()

    def pages(self) -> Iterator[tuple[JobDetail, ...]]:
        """The jobs, as the steps bring them; a step may bring none."""
        for index, (queue, state, cursor) in enumerate(self._places):
            following = self._places[index + 1] if index + 1 < len(self._places) else None
            while True:
                page = self._client.list_jobs(
                    queue, state, limit=self._most(), cursor=cursor, where=self.where
                )
                self.looked += page.looked
                self.matched += len(page.jobs)
                cursor = page.cursor
                self.next = Place(queue, state, cursor) if cursor else following
                yield page.jobs
                if self._limit is not None and self.matched >= self._limit:
                    return
                if not cursor:
                    break

    def _most(self) -> int:
        return PAGE if self._limit is None else min(PAGE, self._limit - self.matched)

    @property
    def extent(self) -> str:
        """How far it looked, in words."""
        found = f"looked at {self.looked:,} jobs, {self.matched:,} match"
        if self._limit is not None and self.matched >= self._limit and self.next is not None:
            return f"{found}; stopped by --limit"
        return found if self.next is None else f"{found}; stopped before the end"

    @contextmanager
    def telling(self, session: Session) -> Iterator[None]:
        """Says how far it looked when the block ends, or is interrupted; nothing when all jobs are wanted."""
        try:
            yield
        except (KeyboardInterrupt, Terminated):
            self._tell(session)
            raise
        self._tell(session)

    def _tell(self, session: Session) -> None:
        if self.where:
            session.narrate(self.extent)

    def progress(self, session: Session) -> None:
        """Says now and then how far it has come, to somebody at a terminal."""
        if self.where and time.monotonic() - self._told >= PROGRESS_S and sys.stderr.isatty():
            self._told = time.monotonic()
            session.narrate(f"looked at {self.looked:,} jobs so far, {self.matched:,} match")
