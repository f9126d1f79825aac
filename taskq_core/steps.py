"""What a verb does, as a generator of commands that takes their answers: written once for both clients."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

from taskq_core.command import Command

if TYPE_CHECKING:
    from taskq_core.async_calling import AsyncCaller
    from taskq_core.calling import Caller

T = TypeVar("T")
Steps = Generator["Command[Any] | tuple[str, ...]", Any, T]
"""Commands, or the words of a plain one, that are sent one after the other; what the verb returns."""


def take(client: Caller, queue: str, steps: Steps[T]) -> T:
    """Sends what the steps ask for, one after the other. Raises what they raise, and as `Caller.run`."""
    try:
        step = next(steps)
        while True:
            answer = client.run(step, queue) if isinstance(step, Command) else client.execute(*step)
            step = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


async def take_async(client: AsyncCaller, queue: str, steps: Steps[T]) -> T:
    """As `take`, for coroutines."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Command):
                answer = await client.run(step, queue)
            else:
                answer = await client.execute(*step)
            step = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
