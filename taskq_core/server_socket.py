"""One question to a server on a unix socket, without any client library."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

ANSWER_TIMEOUT_S: Final = 1.0


def ask(path: Path, *words: str) -> bytes | None:
    """The raw reply to one command; None when nobody answers. Errors come back as ``-ERR …``."""
    request = b"*%d\r\n" % len(words) + b"".join(_bulk(word.encode()) for word in words)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(request)
            return _reply(connection)
    except OSError:
        return None


def info(path: Path, section: str) -> dict[str, str]:
    """The fields of one section of INFO; empty when nobody answers."""
    text = (ask(path, "INFO", section) or b"").decode("utf-8", "replace")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _bulk(word: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(word), word)


def _reply(connection: socket.socket) -> bytes | None:
    data = b""
    while not _complete(data):
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    return data[data.index(b"\r\n") + 2 : -2] if data.startswith(b"$") else data.rstrip()


def _complete(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n")
    if not end:
        return False
    return not head.startswith(b"$") or len(body) >= int(head[1:]) + 2
