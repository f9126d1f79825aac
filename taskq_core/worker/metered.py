"""Clients that measure their calls, for workers whose metrics are on. The others pay nothing for it."""

from __future__ import annotations

from taskq_core.async_client import AsyncClient
from taskq_core.client import Client
from taskq_core.client_state import reply_timeout
from taskq_core.clock import precise
from taskq_core.command import Command, T
from taskq_core.errors import AccessDenied, ServerFull, ServerUnreachable, TaskqError
from taskq_core.metrics.meter import Meter
from taskq_core.wire import open_wire


def kind_of(error: TaskqError) -> str:
    """What kind of failure it is, as a label."""
    if isinstance(error, ServerUnreachable):
        return "unreachable"
    if isinstance(error, ServerFull):
        return "full"
    return "denied" if isinstance(error, AccessDenied) else "error"


class MeteredAsyncClient(AsyncClient):
    """An `AsyncClient` whose commands are measured."""

    def __init__(self, url: str, namespace: str, meter: Meter) -> None:
        super().__init__(url, namespace=namespace, deadline=0)
        self._meter = meter

    async def run(self, command: Command[T], queue: str = "") -> T:
        """As `AsyncClient.run`."""
        began = precise()
        try:
            reply = await super().run(command, queue)
        except TaskqError as error:
            self._meter.refused(command.script.name, kind_of(error))
            raise
        self._meter.answered(command.script.name, precise() - began)
        return reply


class PromptClient(Client):
    """A `Client` that waits for a reply for so many seconds only, and repeats nothing."""

    def __init__(self, url: str, namespace: str, reply_s: float) -> None:
        super().__init__(url, namespace=namespace, deadline=0)
        self._wire = open_wire(url, min(reply_s, reply_timeout(url, 0)))


class MeteredClient(PromptClient):
    """A `Client` whose commands are measured."""

    def __init__(self, url: str, namespace: str, meter: Meter, reply_s: float) -> None:
        super().__init__(url, namespace, reply_s)
        self._meter = meter

    def run(self, command: Command[T], queue: str = "") -> T:
        """As `Client.run`."""
        began = precise()
        try:
            reply = super().run(command, queue)
        except TaskqError as error:
            self._meter.refused(command.script.name, kind_of(error))
            raise
        self._meter.answered(command.script.name, precise() - began)
        return reply


def async_client(url: str, namespace: str, meter: Meter | None) -> AsyncClient:
    """A client that does not repeat: every service of a worker repeats by its own rules."""
    if meter is not None:
        return MeteredAsyncClient(url, namespace, meter)
    return AsyncClient(url, namespace=namespace, deadline=0)


def sync_client(url: str, namespace: str, meter: Meter | None, reply_s: float) -> Client:
    """The same for a thread, which waits so long for a reply."""
    if meter is not None:
        return MeteredClient(url, namespace, meter, reply_s)
    return PromptClient(url, namespace, reply_s)
