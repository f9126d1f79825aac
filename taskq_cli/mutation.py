"""Changing jobs one batch after the other: what was done on stdout, what was not on stderr."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.interrupts import whole_step
from taskq_cli.options import DryRun
from taskq_cli.refs import BadLine
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.targets import Selection, Target, targets
from taskq_cli.views import change_record, change_view
from taskq_core import Change, Client, JobRef

BATCH: Final = 1_000
SAMPLE: Final = 5
STEPS_A_SECOND: Final = 10
"""A rate is kept in steps of a tenth of a second."""
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|m|h))?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, None: 1}


def rate_option(text: str) -> float:
    """Jobs per second of a text like `50/s` or `600/m`."""
    match = _RATE.fullmatch(text.strip())
    if match is None or float(match[1]) <= 0:
        raise typer.BadParameter(f"{clean(text)!r} is no rate: write 50/s or 600/m")
    return float(match[1]) / _SECONDS[match[2]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a change goes through, and whether it happens at all."""

    rate: Annotated[
        float | None, typer.Option("--rate", metavar="N/s", parser=rate_option, help="No faster than this.")
    ] = None
    dry_run: DryRun = False

    @property
    def batch(self) -> int:
        """Jobs in one step."""
        return BATCH if self.rate is None else max(1, min(BATCH, int(self.rate / STEPS_A_SECOND)))


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: ``done`` as in `emails/n17-0 retried`; ``call`` changes up to 1,000 jobs of one queue."""

    name: str
    done: str
    call: Callable[[Client, str, Sequence[str]], list[Change]]
    asks: bool = True
    group_state: str = "dead"
    """The state of the jobs that `--group` chooses, where none is named."""


@dataclass(slots=True)
class Mutation:
    """One run of a verb over many jobs."""

    session: Session
    verb: Verb
    pace: Pace
    _counts: Counter[str] = field(default_factory=Counter)

    def run(self, ids: Sequence[str], chosen: Selection) -> None:
        """Changes the jobs and ends the command with its exit code."""
        self.session.writer(change_view(self.verb.done))
        self.session.may_change()
        if chosen.group and not chosen.state:
            chosen = replace(chosen, state=self.verb.group_state)
        found = targets(ids, chosen, self.session.client, batch=self.pace.batch)
        with nullcontext() if found.search is None else found.search.telling(self.session):
            self._go_through(found.batches, ids, chosen)
        if code := self._exit_code():
            raise typer.Exit(code)

    def _go_through(self, batches: Iterator[list[Target]], ids: Sequence[str], chosen: Selection) -> None:
        if self.pace.dry_run:
            self._rehearse(batches)
            return
        if self.verb.asks:
            self.session.confirm(f"{self.verb.name.capitalize()} {_what(ids, chosen)}?")
        try:
            for batch in self._paced(batches):
                with whole_step():
                    self._change(batch)
        finally:
            self.session.narrate(self._summary())

    def _paced(self, batches: Iterable[list[Target]]) -> Iterator[list[Target]]:
        due = time.monotonic()
        for batch in batches:
            if self.pace.rate is not None:
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic() - 1) + len(batch) / self.pace.rate
            yield batch

    def _change(self, batch: list[Target]) -> None:
        queues: dict[str, list[str]] = {}
        for target in batch:
            if isinstance(target, BadLine):
                self._fail("bad line", f"line {target.line}: {target.error}")
            else:
                queues.setdefault(target.queue, []).append(target.id)
        for queue, ids in queues.items():
            for change in self.verb.call(self.session.client, queue, ids):
                self._report(change)
        sys.stdout.flush()

    def _report(self, change: Change) -> None:
        if change.done or self.session.shared.output in ("json", "ndjson"):
            self.session.output.write(change_record(change, self.verb.name))
        if change.done:
            self._counts["done"] += 1
        elif change.found is None:
            self._fail("not found", f"{change.ref}: no such job")
        else:
            self._fail("refused", f"{change.ref}: not {self.verb.done}, it is {change.found}")

    def _fail(self, kind: str, message: str) -> None:
        self._counts[kind] += 1
        sys.stderr.write(f"taskq: {clean(message, 300)}\n")

    def _rehearse(self, batches: Iterable[list[Target]]) -> None:
        count, sample = 0, list[JobRef]()
        for batch in batches:
            refs = [target for target in batch if isinstance(target, JobRef)]
            count += len(refs)
            sample += refs[: SAMPLE - len(sample)]
        for ref in sample:
            sys.stdout.write(f"{ref}\n")
        shown = f"; {len(sample)} of them on stdout" if count > len(sample) else ""
        self.session.narrate(f"would {self.verb.name} {count} jobs{shown}; nothing was changed")

    def _summary(self) -> str:
        parts = [f"{self._counts['done']} {self.verb.done}"]
        parts += [f"{count} {kind}" for kind, count in self._counts.items() if kind != "done"]
        return ", ".join(parts)

    def _exit_code(self) -> ExitCode:
        codes = {
            "bad line": ExitCode.USAGE,
            "not found": ExitCode.NOT_FOUND,
            "refused": ExitCode.REFUSED,
        }
        failed = [kind for kind in codes if self._counts[kind]]
        if not failed:
            return ExitCode.DONE
        if self._counts["done"]:
            return ExitCode.PARTLY
        return codes[failed[0]] if len(failed) == 1 else ExitCode.FAILED


def _what(ids: Sequence[str], chosen: Selection) -> str:
    if list(ids) == ["-"]:
        return "all jobs named on stdin"
    if ids:
        return f"{len(ids)} jobs" if len(ids) > 1 else clean(ids[0])
    cause = f" of group {clean(chosen.group)}" if chosen.group else ""
    return f"all {clean(str(chosen.state))} jobs{cause} of {clean(chosen.queue or 'all queues')}"
