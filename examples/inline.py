"""A producer and a worker in one script: python examples/inline.py."""

from __future__ import annotations

import asyncio

from taskq_core import TaskQueue

queue = TaskQueue("greetings")
greeted: set[str] = set()
all_greeted = asyncio.Event()

NAMES = ["Ada", "Grace", "Edsger"]


@queue.task(retries=5)
async def greet(name: str, greeting: str = "Hello") -> None:
    """Greets one person."""
    print(f"{greeting}, {name}!")
    greeted.add(name)
    if greeted.issuperset(NAMES):
        all_greeted.set()


async def main() -> None:
    """Enqueues a job for each name and works until all of them ran."""
    worker = asyncio.create_task(queue.work())
    for name in NAMES:
        # typed: greet.add(nmae=...) is an error for the type checker, and refused before it is sent
        receipt = await greet.add(name)
        print(f"enqueued {receipt}")
    await all_greeted.wait()
    worker.cancel()  # it stops in good order
    await asyncio.gather(worker, return_exceptions=True)
    await queue.close()


if __name__ == "__main__":
    asyncio.run(main())
