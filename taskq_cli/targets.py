"""Which jobs a command is about: references, a stream of them, or a selection by queue and state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Final

import typer

from taskq_cli.options import Filter, Group, Queue, States
from taskq_cli.refs import BadLine, parse_ref, read_refs
from taskq_cli.sanitize import clean
from taskq_cli.search import Place, Search
from taskq_core import Client, JobFilter, JobRef, NotFound, State, UsageError

LISTED: Final = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)
PURGEABLE: Final = (State.READY, State.SCHEDULED, State.DEAD)
Target = JobRef | BadLine


@dataclass(frozen=True, slots=True)
class Selection:
    """The flags that choose jobs instead of naming them."""

    queue: Queue = None
    state: States = None
    filter: Filter = None
    group: Group = None
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many jobs.")
    ] = None

    @property
    def where(self) -> JobFilter:
        """The conditions. Raises: UsageError."""
        return JobFilter.parse(self.filter, group=self.group)


@dataclass(frozen=True, slots=True)
class Targets:
    """The jobs a command is to change, in batches; ``search``: how they were found, when none was named."""

    batches: Iterator[list[Target]]
    search: Search | None = None


def targets(ids: Sequence[str], chosen: Selection, client: Client, *, batch: int) -> Targets:
    """The jobs a command is to change. Raises: UsageError, NotFound."""
    if ids and (chosen.state or chosen.filter or chosen.group):
        raise UsageError("either name jobs, or choose them by --state or --group", hint="Not both")
    if list(ids) == ["-"]:
        return Targets(_limited(read_refs(chosen.queue, batch=batch), chosen.limit))
    if ids:
        named: list[Target] = [parse_ref(text, chosen.queue) for text in ids[: chosen.limit]]
        return Targets(_in_batches(named, batch))
    if chosen.state is None or (chosen.queue is None and chosen.group is None):
        raise UsageError(
            "no jobs named",
            hint="Give ids, `-` to read them from stdin, --state STATE --queue QUEUE, or --group FP",
        )
    search = select(client, chosen)
    pages: Iterator[Iterable[Target]] = ([job.ref for job in page] for page in search.pages())
    if len(states_of(chosen.state)) > 1:
        # all are found before the first is changed: what is changed in one state turns up in another
        pages = iter([[ref for page in pages for ref in page]])
    return Targets((part for page in pages for part in _in_batches(list(page), batch)), search)


def select(client: Client, chosen: Selection) -> Search:
    """A search for the jobs in the chosen queues and states for which all conditions hold."""
    return Search(client, places(client, chosen.queue, chosen.state), chosen.where, chosen.limit)


def places(client: Client, queues: str | None, states: str | None) -> list[Place]:
    """The queues and states of a search, in order. Raises: NotFound, UsageError."""
    return [Place(queue, state) for queue in queues_like(client, queues) for state in states_of(states)]


def states_of(text: str | None) -> list[State]:
    """The states that a comma-separated list names; None: all that are listed. Raises: InvalidOption."""
    if text is None:
        return list(LISTED)
    states = [State.of(name.strip()) for name in text.split(",") if name.strip()]
    wrong = [state for state in states if state not in LISTED]
    if wrong or not states:
        raise UsageError(f"{clean(text)!r} jobs are not listed", hint=f"One of: {', '.join(LISTED)}")
    return states


def purgeable(name: str) -> State:
    """A state of which all jobs can be removed. Raises: InvalidOption, UsageError."""
    state = State.of(name)
    if state not in PURGEABLE:
        raise UsageError(f"cannot purge {state} jobs", hint=f"One of: {', '.join(PURGEABLE)}")
    return state


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


def one_queue(client: Client, name: str | None, command: str) -> str:
    """The one queue of a command. Raises: UsageError for none or a pattern, NotFound."""
    if name is None:
        raise UsageError("no queue named", hint=f"For example: taskq {command} emails")
    if any(char in name for char in "*?["):
        raise UsageError(f"{clean(name)!r} is a pattern", hint=f"taskq {command} wants the name of one queue")
    (found,) = queues_like(client, name)
    return found


def _in_batches(refs: Sequence[Target], size: int) -> Iterator[list[Target]]:
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
