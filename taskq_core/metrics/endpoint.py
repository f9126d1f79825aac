"""One port with ``/livez``, ``/readyz`` and ``/metrics``, served by threads: a busy loop holds up nobody."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from taskq_core.errors import UsageError
from taskq_core.metrics.exposition import page
from taskq_core.metrics.sheet import Sheet

log = logging.getLogger("taskq.metrics")
_MOST_ANSWERS: Final = 16
"""Requests that are answered at the same time; others wait. Probes and scrapers are few."""
_PATIENCE_S: Final = 5.0
"""How long a client may take to send its request, or to take the answer."""


class Source(Protocol):
    """Who is asked. Called from threads of the endpoint; never waits for long."""

    @property
    def namespace(self) -> str:
        """Of all series."""

    def live(self) -> str:
        """Why it does not live; empty: it does."""

    def ready(self) -> str:
        """Why it is not ready; empty: it is."""

    def sheet(self) -> Sheet:
        """All metrics as they are now."""


Answer = Callable[[Mapping[str, list[str]]], tuple[HTTPStatus, Any]]
"""A page of JSON: the parameters of its address in, a status and a value out."""


class Endpoint:
    """Open from its making until `close`. ``pages``: further pages of JSON by path.

    Raises: UsageError when the port cannot be had.
    """

    def __init__(
        self, host: str, port: int, source: Source, pages: Mapping[str, Answer] | None = None
    ) -> None:
        self.source = source
        self.pages = dict(pages or {})
        self.busy = threading.BoundedSemaphore(_MOST_ANSWERS)
        try:
            self._server = _Server(host, port, self)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"metrics cannot be served on {_place(host, port)}: {why}",
                hint="Another process may have the port: name another one by --metrics-port or --port",
            ) from error
        self.url = f"http://{_place(host, self._server.server_address[1])}"
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.2},
            name="taskq-metrics",
            daemon=True,
        ).start()
        log.info("metrics on %s/metrics", self.url)

    def close(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()


def _place(host: str, port: Any) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, host: str, port: int, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """As a plain socket server: to look up the name of this host may take long, and nobody needs it."""
        super(HTTPServer, self).server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, most likely: it is no error."""
        log.debug("an answer was not taken by %s", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_S
    server_version = "taskq"
    sys_version = ""

    def do_GET(self) -> None:
        """Answers one request."""
        with self.server.endpoint.busy:
            self._answer(*self._page())

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _page(self) -> tuple[HTTPStatus, bytes, Mapping[str, str]]:
        address = urlsplit(self.path)
        endpoint = self.server.endpoint
        try:
            if address.path == "/livez":
                return _verdict(endpoint.source.live())
            if address.path == "/readyz":
                return _verdict(endpoint.source.ready())
            if address.path == "/metrics":
                return self._metrics(endpoint.source)
            if address.path in endpoint.pages:
                status, value = endpoint.pages[address.path](parse_qs(address.query))
                return status, json.dumps(value).encode() + b"\n", {"Content-Type": "application/json"}
        except Exception:
            log.exception("%s could not be answered", address.path)
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"internal error\n", {}
        return HTTPStatus.NOT_FOUND, b"/livez /readyz /metrics\n", {}

    def _metrics(self, source: Source) -> tuple[HTTPStatus, bytes, Mapping[str, str]]:
        accept, encodings = self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", "")
        body, headers = page([(source.namespace, source.sheet())], accept, encodings)
        return HTTPStatus.OK, body, headers

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain; charset=utf-8"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: probes come every few seconds."""


def _verdict(reason: str) -> tuple[HTTPStatus, bytes, Mapping[str, str]]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
    return status, (reason or "ok").encode(errors="replace") + b"\n", {}
