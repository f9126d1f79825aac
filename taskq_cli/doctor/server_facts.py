"""Reads what the server says of itself. What it does not let this user ask becomes a note."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from taskq_cli.doctor.findings import Finding, unchecked
from taskq_core import Client, ServerError

PINGS: Final = 7
SETTINGS: Final = ("save", "appendfsync", "bind", "protected-mode", "cluster-require-full-coverage")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """``settings`` and ``user`` are empty where this user may not ask. Times in seconds."""

    url: str
    info: Mapping[str, str]
    settings: Mapping[str, str]
    user: Mapping[str, str]
    clock_ahead_s: float
    ping_s: float
    notes: tuple[Finding, ...] = field(default=())

    def number(self, name: str) -> int:
        """A number of INFO; 0 where there is none."""
        said = self.info.get(name, "")
        return int(said) if said.isdigit() else 0


def read_server(client: Client) -> ServerFacts:
    """The facts. Raises: ServerUnreachable; AccessDenied where not even INFO is allowed."""
    info = client.info()
    notes: list[Finding] = []
    settings = _try(notes, "the server's configuration", lambda: _settings(client))
    user = _try(notes, "what this user may do", lambda: _user(client))
    pings = [_timed(client) for _ in range(PINGS)]
    return ServerFacts(
        client.url, info, settings, user, _clock_ahead(client), statistics.median(pings), tuple(notes)
    )


def _try(notes: list[Finding], what: str, ask: Any) -> dict[str, str]:
    try:
        found: dict[str, str] = ask()
    except ServerError as error:
        notes.append(unchecked("server", what, error))
        return {}
    return found


def _settings(client: Client) -> dict[str, str]:
    return {name: _flat(client.execute("CONFIG", "GET", name)).get(name, "") for name in SETTINGS}


def _user(client: Client) -> dict[str, str]:
    name = _text(client.execute("ACL", "WHOAMI"))
    return {"name": name, **_flat(client.execute("ACL", "GETUSER", name))}


def _timed(client: Client) -> float:
    begun = time.perf_counter()
    client.execute("PING")
    return time.perf_counter() - begun


def _clock_ahead(client: Client) -> float:
    """How far the server's clock is ahead of ours; half of the round trip belongs to the way there."""
    sent = datetime.now(UTC)
    server = client.time()
    ours = sent + (datetime.now(UTC) - sent) / 2
    return (server - ours).total_seconds()


def _flat(reply: Any) -> dict[str, str]:
    """A flat reply, or a map of the newer protocol, as text; lists as words."""
    if isinstance(reply, dict):
        return {_text(name): _text(value) for name, value in reply.items()}
    return {_text(n): _text(v) for n, v in zip(reply[::2], reply[1::2], strict=False)}


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(_text, value))
    return str(value)
