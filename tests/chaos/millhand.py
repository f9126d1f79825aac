"""A worker process of the long runs: `python -m tests.chaos.millhand FILE`. It notes each end in 16 bytes.

Its server is the one in TASKQ_REDIS_URL.
"""

from __future__ import annotations

import logging
import os
import struct
import sys
import time
from datetime import timedelta

from taskq_core import Job, TaskQueue, WorkerOptions

QUEUE = "mill"
LEASE_S = 3.0
END = struct.Struct("=qd")
"""A job's number and when it ended: in one write, so it survives a SIGKILL whole."""
queue = TaskQueue(QUEUE, retries=5)
FILES: list[int] = []


@queue.process("turn")
async def turn(job: Job) -> None:
    """Notes that it ran."""
    os.write(FILES[0], END.pack(job.payload["n"], time.time()))


def main() -> None:
    """Serves the queue until a signal."""
    FILES.append(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    queue.run(WorkerOptions(concurrency=16, lease=timedelta(seconds=LEASE_S), grace=timedelta(seconds=5)))


if __name__ == "__main__":
    main()
