"""The order of an examination: the server, each queue, the workers; a second look where it is worth it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from taskq_cli.doctor.findings import PROBLEM, Finding, unchecked
from taskq_cli.doctor.queue_checks import looks_idle, not_consuming, queue_findings, worker_findings
from taskq_cli.doctor.server_checks import server_findings, too_old
from taskq_cli.doctor.server_facts import read_server
from taskq_cli.why.facts import QueueFacts
from taskq_cli.why.reading import Reader
from taskq_core import (
    AccessDenied,
    Client,
    KeyConflict,
    ServerError,
    ServerFull,
    ServerUnreachable,
    UsageError,
)

SECOND_LOOK_S: Final = 1.2
"""An idle worker looks at its queue once a second, even when its wake-up was lost."""


def examine(client: Client) -> Iterator[Finding]:
    """All findings. Raises: ServerUnreachable."""
    try:
        server = read_server(client)
    except AccessDenied as error:
        yield unchecked("server", "the server", error)
    else:
        yield from server_findings(server)
        if too_old(server):
            return
    yield from _writes(client)
    try:
        queues = client.queues()
    except AccessDenied as error:
        yield unchecked("server", "the list of queues", error)
        return
    yield from _queues(client, queues)


def _writes(client: Client) -> Iterator[Finding]:
    try:
        client.probe("default")
    except AccessDenied as error:
        yield unchecked("server", "whether it takes jobs", error)
    except (ServerFull, ServerError, ServerUnreachable) as error:
        yield Finding(PROBLEM, "no_writes", "server", f"The server takes no jobs: {error}.", "", error.hint)


def _queues(client: Client, queues: list[str]) -> Iterator[Finding]:
    reader, read = Reader(client), list[QueueFacts]()
    for name in queues:
        try:
            facts = reader.queue(name)
        except KeyConflict as error:
            yield Finding(
                PROBLEM, "key_conflict", name, f"A key of the queue is not what it should be: {error}.",
                "Another program writes there.", error.hint,
            )  # fmt: skip
        except (ServerError, UsageError) as error:
            yield unchecked(name, "the queue", error)
        else:
            read.append(facts)
            yield from queue_findings(facts)
    yield from worker_findings([worker for facts in read for worker in facts.workers])
    idle = [facts for facts in read if looks_idle(facts)]
    if idle:
        time.sleep(SECOND_LOOK_S)
    for first in idle:
        if finding := not_consuming(first, reader.queue(first.name, sample=False)):
            yield finding
