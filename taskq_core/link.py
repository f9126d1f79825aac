"""One connection to a server at a plain address, without redis-py.

Loading redis-py takes longer than all else that a command does; hiredis alone packs and reads as well. A
URL with TLS or options of redis-py is not plain: redis-py reads those (see `wire`).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from taskq_core import config

DEFAULT_PORT: Final = 6379
_CHUNK: Final = 65_536


class ReplyError(Exception):
    """The server answered with an error; its text, without the word ERR."""

    def __init__(self, text: str) -> None:
        super().__init__(text.removeprefix("ERR "))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and what has to be said to it first. ``path``: of a unix socket, or None."""

    path: str | None
    host: str
    port: int
    user: str
    password: str
    database: int

    @property
    def opening(self) -> list[tuple[str, ...]]:
        """The words that come before all others."""
        words: list[tuple[str, ...]] = []
        if self.password:
            words.append(("AUTH", self.user, self.password) if self.user else ("AUTH", self.password))
        if self.database:
            words.append(("SELECT", str(self.database)))
        return words


def plain_address(url: str) -> Address | None:
    """The address that a URL names; None when there is more in it than redis-py alone can read."""
    try:
        parts = urlsplit(url)
        asked = parse_qs(parts.query, keep_blank_values=True)
        database = asked.pop("db", [""])[0] or ("" if parts.scheme == "unix" else parts.path.strip("/"))
        found = Address(
            path=unquote(parts.path) if parts.scheme == "unix" else None,
            host=unquote(parts.hostname or "localhost"),
            port=parts.port or DEFAULT_PORT,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=int(database or "0"),
        )
    except ValueError:
        return None
    # a user without a password is for redis-py to refuse or to understand
    plain = parts.scheme in ("redis", "unix") and not asked and bool(found.password or not found.user)
    return found if plain and found.database >= 0 and found.path != "" else None


class Link:
    """A connection, used by one thread at a time, with the methods of redis-py's that `wire` needs."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._address = address
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader(protocolError=ConnectionError, replyError=ReplyError)

    def __del__(self) -> None:
        # as with redis-py, a client that nobody closed goes quietly
        self.disconnect()

    def connect(self) -> None:
        """Connects and signs in. Raises: OSError, ReplyError."""
        self._socket = self._opened()
        try:
            for words in self._address.opening:
                self.send_packed_command((hiredis.pack_command(words),))  # type: ignore[arg-type]  # see `wire`
                self.read_response()
        except BaseException:
            self.disconnect()
            raise

    def send_packed_command(self, parts: Sequence[bytes], check_health: bool = False) -> None:
        """Sends bytes as they are. Raises: OSError."""
        if self._socket is None:
            raise ConnectionError("not connected")
        self._socket.sendall(b"".join(parts))

    def read_response(self) -> Any:
        """The next reply. Raises: ReplyError when it is an error, OSError when none comes."""
        while (reply := self._reader.gets()) is False:
            if self._socket is None or not (data := self._socket.recv(_CHUNK)):
                raise ConnectionError("the server closed the connection")
            self._reader.feed(data)
        if isinstance(reply, ReplyError):
            if str(reply).startswith("max number of clients"):
                raise ConnectionError(str(reply))  # not of our command: there is no room for the connection
            raise reply
        return reply

    def disconnect(self) -> None:
        """Closes it; once more does no harm."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _opened(self) -> socket.socket:
        timeout = min(self._timeout, config.CONNECT_TIMEOUT_S)
        if self._address.path is None:
            found = socket.create_connection((self._address.host, self._address.port), timeout)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            found.settimeout(timeout)
            try:
                found.connect(self._address.path)
            except BaseException:
                found.close()
                raise
        found.settimeout(self._timeout)
        return found
