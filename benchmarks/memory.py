"""Memory that a job takes on the server: the first three figures of docs/operations.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import Scratch
from taskq_core import Client, JobOptions
from tests.servers import Server

SMALL: Final = {"to": "user@example.com", "subject": "Welcome!", "template": "welcome"}
LARGE: Final = SMALL | {"body": "x" * 950}
LATER: Final = JobOptions(delay=timedelta(hours=1))


def memory(_scratch: Scratch, server: Server, *, jobs: int) -> Sequence[Result]:
    """Bytes a job, each kind on an empty server."""
    with Client(server.url) as client:
        return [
            Result("ready, 67 bytes of payload", _bytes(client, server, SMALL, JobOptions(), jobs), "bytes"),
            Result("ready, 1 KB of payload", _bytes(client, server, LARGE, JobOptions(), jobs), "bytes"),
            Result("scheduled, 67 bytes of payload", _bytes(client, server, SMALL, LATER, jobs), "bytes"),
        ]


def _bytes(
    client: Client, server: Server, payload: Mapping[str, str], options: JobOptions, jobs: int
) -> float:
    server.raw.execute_command("FLUSHALL", "SYNC")  # FLUSHALL alone may free later
    before = _used(server)
    client.enqueue_many("memory", "send-email", (payload for _ in range(jobs)), options)
    return (_used(server) - before) / jobs


def _used(server: Server) -> int:
    return int(server.raw.info("memory")["used_memory"])


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=100_000, metavar="N")
    given = flags.parse_args()
    run(given, partial(memory, jobs=given.jobs))
