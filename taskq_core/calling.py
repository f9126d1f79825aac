"""What `Client` calls with: commands are sent until they are answered, and errors translated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from taskq_core.client_state import PIPELINE, ClientState, evalsha, reply_timeout, whole
from taskq_core.command import Command
from taskq_core.errors import ServerError
from taskq_core.meaning import Patience, foreign, translate, unknown_script
from taskq_core.wire import open_wire, sound

T = TypeVar("T")


class Caller(ClientState):
    """A sync wire, and how calls are repeated over it."""

    def __init__(self, url: str, namespace: str, deadline: float, payload_limit: int) -> None:
        super().__init__(url, namespace, deadline, payload_limit)
        self._wire = open_wire(url, reply_timeout(url, deadline))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._wire.close()

    def run(self, command: Command[T], queue: str = "") -> T:
        """Sends a command until it is answered. Raises: ServerUnreachable, ServerError, Refused."""
        return command.parse(self._call(lambda: self._send(command), queue))

    def run_all(self, commands: Sequence[Command[T]]) -> list[T]:
        """Sends commands that may be repeated, a hundred in one go. Raises as `run`."""
        found: list[T] = []
        for start in range(0, len(commands), PIPELINE):
            found += self._run_together(commands[start : start + PIPELINE])
        return found

    def _run_together(self, commands: Sequence[Command[T]]) -> list[T]:
        calls = [evalsha(command) for command in commands]
        try:
            replies = self._ask(calls)
        except ServerError:
            # a script that the server does not know yet, or one call that fails: found out one by one
            return [self.run(command) for command in commands]
        return [command.parse(reply) for command, reply in zip(commands, replies, strict=True)]

    def _ask(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        replies: list[Any] = self._call(lambda: self._wire.pipeline(calls))
        return replies

    def _replies(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The replies, errors of the server among them as they are."""
        replies: list[Any] = self._call(lambda: self._wire.exchange(calls))
        return replies

    def execute(self, *words: Any) -> Any:
        """Sends a plain Redis command that may be repeated. Raises as `run`."""
        return self._call(lambda: self._wire.call(*words))

    def _send(self, command: Command[Any]) -> Any:
        if command.then:
            return self._send_all(command)
        try:
            return self._wire.call(*evalsha(command))
        except foreign() as error:
            if not unknown_script(error):
                raise
            return self._wire.call(*whole(command))

    def _send_all(self, command: Command[Any]) -> Any:
        replies = self._wire.exchange([evalsha(command), *command.then])
        if isinstance(replies[0], Exception) and unknown_script(replies[0]):
            # what came behind it was carried out for nothing, which does no harm
            replies = self._wire.exchange([whole(command), *command.then])
        sound(replies[:1])
        return replies

    def _call(self, send: Callable[[], Any], queue: str = "") -> Any:
        patience: Patience | None = None
        while True:
            try:
                return send()
            except foreign() as error:
                patience = patience or Patience(self.deadline)
                pause = patience.pause(error)
                if pause is None:
                    raise translate(error, self.url, queue) from error
                time.sleep(pause)
