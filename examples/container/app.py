"""The handlers of a container. The image runs `taskq worker app:queue` in the folder of this file.

Try it with `taskq enqueue greet name=Ada --wait`.
"""

from __future__ import annotations

from taskq_core import Job, TaskQueue

queue = TaskQueue("default", retries=3)


@queue.process("greet")
async def greet(job: Job) -> str:
    """Says hello; with --keep the greeting can be read by `taskq result`."""
    greeting = f"Hello {job.payload['name']}"
    print(greeting)
    return greeting
