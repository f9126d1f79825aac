"""Connections of our own: which addresses they take, and that they fail as redis-py's do."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from taskq_core import AccessDenied, Client, ServerUnreachable
from taskq_core.link import Address, Link, plain_address
from taskq_core.wire import dialer, open_wire
from tests.servers import Server

PLAIN = {
    "redis://host": Address(None, "host", 6379, "", "", 0),
    "redis://:p%40ss@host:7000/3": Address(None, "host", 7000, "", "p@ss", 3),
    "redis://ops:secret@[::1]:7000": Address(None, "::1", 7000, "ops", "secret", 0),
    "redis://host/?db=2": Address(None, "host", 6379, "", "", 2),
    "unix:///run/a%20b.sock": Address("/run/a b.sock", "localhost", 6379, "", "", 0),
    "unix://:pw@/run/s?db=4": Address("/run/s", "localhost", 6379, "", "pw", 4),
}
NOT_PLAIN = [
    "rediss://host",
    "redis://host?protocol=3",
    "redis://host?ssl_cert_reqs=none",
    "redis://host/one",
    "redis://host:port",
    "redis://user@host",
    "unix://",
    "http://host",
]


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_url_is_read_as_redis_py_reads_it(url: str) -> None:
    assert plain_address(url) == PLAIN[url]


@pytest.mark.parametrize("url", NOT_PLAIN)
def test_what_only_redis_py_can_read_is_left_to_it(url: str) -> None:
    assert plain_address(url) is None


def made_by(url: str) -> type:
    connection = dialer(url, 1)()
    connection.disconnect()
    return type(connection)


def test_a_wire_falls_back_to_redis_py(any_server: Server) -> None:
    assert made_by(any_server.url) is Link
    url = f"{any_server.url}?protocol=3"
    assert made_by(url) is not Link
    other = open_wire(url, 1)
    assert other.call("PING") == b"PONG"
    other.close()


@pytest.mark.parametrize("form", ["unix", "tcp"])
def test_passwords_and_databases_are_used(server: Server, form: str) -> None:
    with server.configured(requirepass="s3cret"):
        server.raw.execute_command("AUTH", "s3cret")
        place = (
            f"unix://:{{}}@{server.socket}?db=5"
            if form == "unix"
            else f"redis://:{{}}@127.0.0.1:{server.port}/5"
        )
        with Client(place.format("s3cret")) as client:
            client.enqueue("q", "t", {})
            assert client.execute("DBSIZE") > 0
        assert server.raw.dbsize() == 0
        with pytest.raises(AccessDenied), Client(place.format("wrong"), deadline=0) as client:
            client.queues()
        with pytest.raises(AccessDenied), Client(server.url, deadline=0) as client:
            client.queues()


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_silence_is_a_server_that_cannot_be_reached(mute: int) -> None:
    with (
        pytest.raises(ServerUnreachable, match="timed out"),
        Client(f"redis://127.0.0.1:{mute}", deadline=0.2) as client,
    ):
        client.queues()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"$5\r\nab"])
def test_nonsense_is_a_server_that_cannot_be_reached(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(50):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(said)
                connection.close()

        threading.Thread(target=answer, daemon=True).start()
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ServerUnreachable), Client(url, deadline=0.1) as client:
            client.queues()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_forked_child_speaks_on_a_connection_of_its_own(any_server: Server) -> None:
    wire = open_wire(any_server.url, 5)
    mine = wire.call("CLIENT", "ID")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(wire.call("CLIENT", "ID")).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 20)) != mine
    assert wire.call("CLIENT", "ID") == mine
    os.close(reading)
    os.close(writing)
    wire.close()


def test_a_large_reply_comes_whole(any_server: Server) -> None:
    any_server.raw.set("large", b"x" * 5_000_000)
    wire = open_wire(any_server.url, 5)
    assert len(wire.call("GET", "large")) == 5_000_000
    any_server.raw.flushall()
    wire.close()
