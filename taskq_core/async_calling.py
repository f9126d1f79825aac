"""What `AsyncClient` calls with: commands are sent until they are answered, and errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self, TypeVar

from taskq_core.client_state import PIPELINE, ClientState, evalsha, reply_timeout, whole
from taskq_core.command import Command
from taskq_core.errors import ServerError
from taskq_core.meaning import Patience, foreign, translate, unknown_script
from taskq_core.wire import open_async_wire, sound

T = TypeVar("T")


class AsyncCaller(ClientState):
    """An asyncio wire, and how calls are repeated over it."""

    def __init__(self, url: str, namespace: str, deadline: float, payload_limit: int) -> None:
        super().__init__(url, namespace, deadline, payload_limit)
        self._wire = open_async_wire(url, reply_timeout(url, deadline))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        await self._wire.close()

    async def run(self, command: Command[T], queue: str = "") -> T:
        """Sends a command until it is answered. Raises: ServerUnreachable, ServerError, Refused."""
        return command.parse(await self._call(lambda: self._send(command), queue))

    async def run_all(self, commands: Sequence[Command[T]]) -> list[T]:
        """Sends commands that may be repeated, a hundred in one go. Raises as `run`."""
        found: list[T] = []
        for start in range(0, len(commands), PIPELINE):
            found += await self._run_together(commands[start : start + PIPELINE])
        return found

    async def _run_together(self, commands: Sequence[Command[T]]) -> list[T]:
        calls = [evalsha(command) for command in commands]
        try:
            replies = await self._ask(calls)
        except ServerError:
            # a script that the server does not know yet, or one call that fails: found out one by one
            return [await self.run(command) for command in commands]
        return [command.parse(reply) for command, reply in zip(commands, replies, strict=True)]

    async def _ask(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        replies: list[Any] = await self._call(lambda: self._wire.pipeline(calls))
        return replies

    async def _replies(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The replies, errors of the server among them as they are."""
        replies: list[Any] = await self._call(lambda: self._wire.exchange(calls))
        return replies

    async def execute(self, *words: Any) -> Any:
        """Sends a plain Redis command that may be repeated. Raises as `run`."""
        return await self._call(lambda: self._wire.call(*words))

    async def _send(self, command: Command[Any]) -> Any:
        if command.then:
            return await self._send_all(command)
        try:
            return await self._wire.call(*evalsha(command))
        except foreign() as error:
            if not unknown_script(error):
                raise
            return await self._wire.call(*whole(command))

    async def _send_all(self, command: Command[Any]) -> Any:
        replies = await self._wire.exchange([evalsha(command), *command.then])
        if isinstance(replies[0], Exception) and unknown_script(replies[0]):
            # what came behind it was carried out for nothing, which does no harm
            replies = await self._wire.exchange([whole(command), *command.then])
        sound(replies[:1])
        return replies

    async def _call(self, send: Callable[[], Awaitable[Any]], queue: str = "") -> Any:
        patience: Patience | None = None
        while True:
            try:
                return await send()
            except foreign() as error:
                patience = patience or Patience(self.deadline)
                pause = patience.pause(error)
                if pause is None:
                    raise translate(error, self.url, queue) from error
                await asyncio.sleep(pause)
