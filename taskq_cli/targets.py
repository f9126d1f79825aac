"""Which jobs a command is about: references, a stream of them, or a selection by queue and state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Annotated, Final

import typer

from taskq_cli.filters import parse_filter
from taskq_cli.options import Filter, Queue, States
from taskq_cli.refs import BadLine, parse_ref, read_refs
from taskq_cli.sanitize import clean
from taskq_core import Client, JobDetail, JobRef, NotFound, State, UsageError

PAGE: Final = 1_000
LISTED: Final = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)
Target = JobRef | BadLine


@dataclass(frozen=True, slots=True)
class Selection:
    """The flags that choose jobs instead of naming them."""

    queue: Queue = None
    state: States = None
    filter: Filter = None
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many jobs.")
    ] = None


def targets(ids: Sequence[str], chosen: Selection, client: Client, *, batch: int) -> Iterator[list[Target]]:
    """The jobs a command is to change, in batches. Raises: UsageError, NotFound."""
    if ids and (chosen.state or chosen.filter):
        raise UsageError("either name jobs, or choose them by --state", hint="Not both")
    if list(ids) == ["-"]:
        return _limited(read_refs(chosen.queue, batch=batch), chosen.limit)
    if ids:
        return _in_batches([parse_ref(text, chosen.queue) for text in ids[: chosen.limit]], batch)
    if chosen.state is None or chosen.queue is None:
        raise UsageError(
            "no jobs named", hint="Give ids, `-` to read them from stdin, or --state STATE --queue QUEUE"
        )
    # all ids are found before the first job is changed: changing jobs moves them between pages
    found = islice(select(client, chosen), chosen.limit)
    return _in_batches([job.ref for job in found], batch)


def select(client: Client, chosen: Selection) -> Iterator[JobDetail]:
    """The jobs in the chosen queues and states for which the filter holds."""
    accepts = parse_filter(chosen.filter)
    for queue in queues_like(client, chosen.queue):
        for state in states_of(chosen.state):
            yield from filter(accepts, _jobs(client, queue, state))


def states_of(text: str | None) -> list[State]:
    """The states that a comma-separated list names; None: all that are listed. Raises: InvalidOption."""
    if text is None:
        return list(LISTED)
    states = [State.of(name.strip()) for name in text.split(",") if name.strip()]
    wrong = [state for state in states if state not in LISTED]
    if wrong or not states:
        raise UsageError(f"{clean(text)!r} jobs are not listed", hint=f"One of: {', '.join(LISTED)}")
    return states


def queues_like(client: Client, glob: str | None) -> list[str]:
    """The queues whose names match. Raises: NotFound when a name, or a pattern, matches none."""
    known = client.queues()
    if glob is None:
        return known
    found = [name for name in known if fnmatchcase(name, glob)]
    if not found:
        raise NotFound(
            f"no queue {clean(glob)!r}", hint=f"Known queues: {', '.join(known[:10]) or 'none yet'}"
        )
    return found


def _jobs(client: Client, queue: str, state: State) -> Iterator[JobDetail]:
    cursor = ""
    while True:
        page = client.list_jobs(queue, state, limit=PAGE, cursor=cursor)
        yield from page.jobs
        cursor = page.cursor
        if not cursor:
            return


def _in_batches(refs: Sequence[JobRef], size: int) -> Iterator[list[Target]]:
    for start in range(0, len(refs), size):
        yield list(refs[start : start + size])


def _limited(batches: Iterator[list[Target]], limit: int | None) -> Iterator[list[Target]]:
    left = limit
    for batch in batches:
        if left is None:
            yield batch
            continue
        yield batch[:left]
        left -= len(batch)
        if left <= 0:
            return
