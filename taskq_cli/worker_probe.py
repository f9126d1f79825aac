"""Asking a worker whether it lives or is ready. Light: an exec probe runs this every few seconds."""

from __future__ import annotations

import os
import socket
from typing import Final

from taskq_cli.sanitize import clean
from taskq_core import ServerUnreachable, UsageError

PORT: Final = 9101
"""Where the image and the examples have a worker's metrics."""
TIMEOUT_S: Final = 3.0
_MOST_BYTES: Final = 4096
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not bound, asked


def probe(where: str, *, live: bool) -> str:
    """What is wrong with a worker, or nothing. Raises: UsageError, ServerUnreachable."""
    host, port = _place(where)
    path = "/livez" if live else "/readyz"
    try:
        status, said = _get(host, port, path)
    except (OSError, ValueError) as error:
        raise ServerUnreachable(
            f"no answer from the worker at {host}:{port}: {clean(str(error), 200)}",
            hint="Was it started with --metrics-port?",
        ) from None
    return "" if status == 200 else f"the worker is not {'alive' if live else 'ready'}: {clean(said, 300)}"


def _place(where: str) -> tuple[str, int]:
    """The host and port of a URL, HOST:PORT, a port, or of the environment that the worker has too."""
    host = os.environ.get("TASKQ_METRICS_HOST", "")
    port = os.environ.get("TASKQ_METRICS_PORT", "") or str(PORT)
    text = where.removeprefix("http://").partition("/")[0]
    if text:
        before, colon, after = text.rpartition(":")
        host, port = (before.strip("[]"), after) if colon else ("", text)
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= 65_535):
        raise UsageError(
            f"--worker {clean(where)!r} names no worker", hint="A port, or http://HOST:PORT of its metrics"
        )
    return _EVERYWHERE.get(host, host), int(port)


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and first line of an answer. Raises: OSError; ValueError when that is no HTTP."""
    with socket.create_connection((host, port), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: taskq\r\n\r\n".encode())
        answer = b""
        while len(answer) < _MOST_BYTES and (part := connection.recv(_MOST_BYTES)):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ValueError("this is no answer of a worker")
    return int(words[1]), body.decode(errors="replace").strip()
