"""One job in full: summary, error with traceback, payload, what happened when; or as JSON."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen
from taskq_cli.top.job_text import Sheet, raw, readable
from taskq_cli.top.screens.jobs import HELD, LIVE_ONLY
from taskq_cli.top.screens.view import Scene, View
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_core import Client, FailedAttempt, JobDetail, JobRef, NotFound

KEPT_FAILURES: Final = 1_000
"""As many as the server keeps of a queue."""


@dataclass(frozen=True, slots=True)
class Found:
    """The answer about a job; ``detail`` None: it is not there. ``attempts``: None when not asked for."""

    ref: JobRef
    detail: JobDetail | None
    attempts: tuple[FailedAttempt, ...] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the job. ``at``: when it was read; ``history``: earlier attempts are known too."""

    ref: JobRef
    detail: JobDetail | None = None
    at: datetime | None = None
    gone: bool = False
    history: bool = False
    attempts: dict[int, FailedAttempt] = field(default_factory=dict)

    def with_answer(self, found: Found, at: datetime) -> Known:
        """The same with what the server said; of a job that is gone what was known stays."""
        earlier = {attempt.attempt: attempt for attempt in found.attempts or ()}
        return replace(
            self,
            detail=found.detail or self.detail,
            at=at,
            gone=found.detail is None,
            history=self.history or found.attempts is not None,
            attempts=earlier | self.attempts,
        )


def look_up(client: Client, ref: JobRef, *, history: bool) -> Found:
    """The job as it is now, with ``history`` its failed attempts. Raises: TaskqError, but not NotFound."""
    attempts = None
    if history:
        latest = client.failures(ref.queue, limit=KEPT_FAILURES)
        attempts = tuple(attempt for attempt in latest if attempt.id == ref.id)
    try:
        return Found(ref, client.inspect(ref), attempts)
    except NotFound:
        return Found(ref, None, attempts)


class Job(View):
    """A job. It keeps what was last known of one that is gone."""

    title = "Job"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="job")
        self._pen = pen
        self._known: Known | None = None
        self._raw = False

    def compose(self) -> ComposeResult:
        """Text to read."""
        yield Lines(id="job-text")

    @property
    def lines(self) -> Lines | None:
        """The text."""
        return self.query_one(Lines)

    @property
    def ref(self) -> JobRef | None:
        """The job's reference, when one was chosen."""
        return self._known.ref if self._known is not None else None

    def show(self, scene: Scene) -> None:
        """What is known of it, and asks anew."""
        known = self._known
        if known is None:
            told = "no job chosen: enter on one in the list of jobs (3) shows it here"
            self.query_one(Lines).show([((told, "dim"),)])
            return
        for failed in scene.frame.failures:
            if failed.id == known.ref.id and failed.queue == known.ref.queue:
                known.attempts[failed.attempt] = failed
        self.query_one(Lines).show(self._lines(known, scene))
        if scene.live:
            at, history = scene.frame.at, not known.history
            self.inquire(
                lambda client: look_up(client, known.ref, history=history),
                lambda found: self._take(found, at),
            )

    def _lines(self, known: Known, scene: Scene) -> list[Line]:
        title = ((str(known.ref), "strong"),)
        held = known.at is not None and abs(known.at - scene.frame.at) <= HELD
        if not scene.live and not held:
            return [title, ((LIVE_ONLY, "dim"),)]
        if known.detail is None:
            told = "there is no such job any more" if known.gone else "asking the server …"
            return [title, ((told, "dim"),)]
        width = max(20, self.size.width - 2)
        gone = (("it has ended or was removed; this is what was last known", "warn"),)
        head: list[Line] = [gone] if known.gone else []
        if self._raw:
            return head + raw(known.detail, width)
        sheet = Sheet(width, scene.pen, scene.frame.at)
        return head + readable(known.detail, list(known.attempts.values()), sheet)

    def _take(self, found: Found, at: datetime) -> None:
        if self._known is None or found.ref != self._known.ref:
            self.ask_soon()
        else:
            self._known = self._known.with_answer(found, at)
        if self.display:
            self.stage.draw()

    def aim(self, about: Any) -> None:
        """Another job, by its reference; or as the list knew it: a quick one may be gone by now."""
        detail = about if isinstance(about, JobDetail) else None
        ref = detail.ref if detail is not None else about
        if isinstance(ref, JobRef) and ref != self.ref:
            self._known = Known(ref, detail)
            self.query_one(Lines).scroll_to(y=0, animate=False)
        self.ask_soon()

    def toggle_raw(self) -> None:
        """As JSON, or readable again."""
        self._raw = not self._raw

    def subject(self) -> str:
        """The job's reference."""
        return str(self.ref or "")

    def command(self) -> str:
        """The same job."""
        return shlex.join(["taskq", "inspect", self.subject()]) if self.ref else "taskq jobs"
