"""Finding workers by id, host or queue, and telling them to stop."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

import msgspec
import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.interrupts import whole_step
from taskq_cli.lines import TOO_LONG, read_batches
from taskq_cli.options import DryRun, QueueGlob, wait_option
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_cli.worker_views import stop_record
from taskq_core import Client, NotFound, UsageError, WorkerProcess, processes_of

SAMPLE: Final = 5
LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Chosen:
    """The flags that choose workers instead of naming them, and how they are to stop."""

    queue: QueueGlob = None
    host: Annotated[str | None, typer.Option("--host", metavar="HOST", help="All of one machine.")] = None
    all: Annotated[bool, typer.Option("--all", help="All of the namespace.")] = False
    now: Annotated[
        bool, typer.Option("--now", help="Running jobs are given back at once, to run again elsewhere.")
    ] = False
    wait: Annotated[
        timedelta | None,
        typer.Option(
            "--wait",
            metavar="[=D]",
            parser=wait_option,
            help="Wait until they have ended, no longer than D; alone: without end.",
        ),
    ] = None
    dry_run: DryRun = False


def live_workers(client: Client, glob: str | None = None) -> list[WorkerProcess]:
    """The workers that serve queues of a name or pattern, with all their queues. Raises: NotFound."""
    wanted = set(queues_like(client, glob))
    found = processes_of(client.workers_of(client.queues()))
    return [worker for worker in found if wanted.intersection(worker.queues)]


def worker_named(workers: Sequence[WorkerProcess], name: str) -> WorkerProcess:
    """The worker of an id, or of a beginning that no other shares. Raises: NotFound, UsageError."""
    found = [worker for worker in workers if name in _names(worker)]
    found = found or [worker for worker in workers if any(n.startswith(name) for n in _names(worker) if name)]
    if not found:
        raise NotFound(f"no live worker {clean(name)!r}", hint="See them with: taskq workers ls")
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} workers begin with {clean(name)!r}",
            hint=f"Among them {', '.join(clean(worker.id) for worker in found[:3])}",
        )
    return found[0]


def _names(worker: WorkerProcess) -> list[str]:
    # jobs name the lease that their worker has in their queue
    return [worker.id, *(lease.id for lease in worker.leases)]


def stop_workers(session: Session, ids: Sequence[str], chosen: Chosen) -> None:
    """Tells workers to stop, once it was agreed to, and waits for them if asked to."""
    workers = _find(session.client, ids, chosen)
    session.may_change()
    if chosen.dry_run:
        sys.stdout.writelines(f"{clean(worker.id)}\n" for worker in workers[:SAMPLE])
        session.narrate(f"would stop {_counted(workers)}; nothing was changed")
        return
    busy = sum(worker.latest.busy for worker in workers)
    fate = "are given back" if chosen.now else "may finish"
    session.confirm(f"Stop {_counted(workers)}? Their {busy} running jobs {fate}.")
    for worker in workers:
        with whole_step():
            for lease in worker.leases:
                session.client.stop_worker(lease.queue, lease.id, now=chosen.now)
            if chosen.wait is None:
                session.output.write(stop_record(worker, "told"))
    if chosen.wait is None:
        session.narrate(f"told {_counted(workers)} to stop")
    else:
        _await(session, workers, chosen.wait)


def _await(session: Session, workers: Sequence[WorkerProcess], limit: timedelta) -> None:
    left = {worker.id: worker for worker in workers}
    end = time.monotonic() + limit.total_seconds()
    while left:
        queues = {queue for worker in left.values() for queue in worker.queues}
        alive = {worker.id for worker in processes_of(session.client.workers_of(sorted(queues)))}
        for name in [name for name in left if name not in alive]:
            session.output.write(stop_record(left.pop(name), "stopped"))
        session.output.flush()
        if left and time.monotonic() > end:
            break
        time.sleep(LOOK_S if left else 0)
    for worker in left.values():
        session.output.write(stop_record(worker, "pending"))
    session.narrate(f"{len(workers) - len(left)} stopped" + (f", {len(left)} not yet" if left else ""))
    if left:
        raise typer.Exit(ExitCode.PENDING)


def _counted(workers: Sequence[WorkerProcess]) -> str:
    return f"worker {clean(workers[0].id)}" if len(workers) == 1 else f"{len(workers)} workers"


def _find(client: Client, ids: Sequence[str], chosen: Chosen) -> list[WorkerProcess]:
    flags = bool(chosen.queue or chosen.host or chosen.all)
    if bool(ids) == flags:
        raise UsageError(
            "name workers, or choose them by a flag" if not ids else "either name workers, or choose them",
            hint="For example: taskq workers stop --host web-3, or taskq workers stop -q emails",
        )
    workers = live_workers(client, chosen.queue)
    if ids:
        named = _read_ids() if list(ids) == ["-"] else iter(ids)
        return list({(worker := worker_named(workers, name)).id: worker for name in named}.values())
    found = [worker for worker in workers if chosen.host in (None, worker.latest.host)]
    if not found:
        raise NotFound("no live worker there", hint="See them with: taskq workers ls")
    return found


class _Named(msgspec.Struct):
    id: str


def _read_ids() -> Iterator[str]:
    """The ids on stdin: the first word of a line, or the `id` of a JSON object. Raises: UsageError."""
    for part in read_batches(max_lines=1_000):
        for at, line in enumerate(part.lines):
            if not line.strip():
                continue
            try:
                if line is TOO_LONG:
                    raise ValueError("the line is too long")
                if line.lstrip().startswith(b"{"):
                    yield msgspec.json.decode(line, type=_Named).id
                else:
                    yield line.split(maxsplit=1)[0].decode()
            except (ValueError, msgspec.MsgspecError) as error:
                raise UsageError(f"line {part.first + at}: {clean(str(error))}") from None
