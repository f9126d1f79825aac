"""Sentinels that say different things, or nothing: who is asked, and who is believed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from taskq_core import AsyncClient, Client
from taskq_core.sentinel import AsyncPrimaryDial, PrimaryDial
from tests.conftest import ServerPool
from tests.servers import KINDS, Server

ORDERS = ((0, 1), (1, 0))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of all servers of a test."""
    return str(request.param)


def watcher(kind: str, primary: Server, epoch: int, *lines: str) -> Server:
    """A sentinel that takes a server for the primary since that epoch."""
    made = Server(kind)
    settings = made.folder / "sentinel.conf"
    known = f"sentinel monitor jobs 127.0.0.1 {primary.port} 1\nsentinel config-epoch jobs {epoch}\n"
    settings.write_text(known + "".join(f"{line}\n" for line in lines))
    made.first = (str(settings), "--sentinel")
    return made.start()


@pytest.fixture
def pair(kind: str, server_pool: ServerPool) -> Iterator[tuple[Server, Server, Server, Server]]:
    """The primary, the one before it, a sentinel that knows of the change, and one that does not."""
    present, former = server_pool(kind), Server(kind).start()
    present.raw.flushall()
    made = [former, watcher(kind, present, 7), watcher(kind, former, 6)]
    yield present, made[0], made[1], made[2]
    for server in made:
        server.remove()


@pytest.mark.parametrize("order", ORDERS)
def test_the_youngest_configuration_is_believed(
    pair: tuple[Server, Server, Server, Server], order: tuple[int, int]
) -> None:
    present, former, *watchers = pair
    hosts = ",".join(f"127.0.0.1:{watchers[at].port}" for at in order)
    url = f"redis+sentinel://{hosts}/jobs"

    async def enqueue() -> None:
        async with AsyncClient(url) as client:
            await client.enqueue("q", "t", {})

    with Client(url) as client:
        client.enqueue("q", "t", {})
    asyncio.run(enqueue())

    with Client(present.url) as client:
        assert client.snapshot("q").ready_total == 2
    assert former.raw.keys() == []


def test_a_silent_sentinel_is_asked_once_and_then_left_out_for_a_while(
    pair: tuple[Server, Server, Server, Server],
) -> None:
    present, _, knowing, _ = pair
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and says nothing
        mute.settimeout(0.2)
        url = f"redis+sentinel://127.0.0.1:{mute.getsockname()[1]},127.0.0.1:{knowing.port}/jobs"
        dial, twin = PrimaryDial(url, 5), AsyncPrimaryDial(url, 5)

        async def look_thrice() -> None:
            for _ in range(3):
                await twin.look()

        for _ in range(3):
            dial.look()
        asyncio.run(look_thrice())

        assert dial.primary == twin.primary == ("127.0.0.1", present.port)
        assert asked(mute) == 2, "once by each"


def asked(mute: socket.socket) -> int:
    """How many connections came."""
    count = 0
    while True:
        try:
            mute.accept()[0].close()
        except TimeoutError:
            return count
        count += 1


def test_a_sentinel_that_answers_the_plain_question_only_is_enough(
    kind: str, pair: tuple[Server, Server, Server, Server]
) -> None:
    present, *_ = pair
    strict = watcher(
        kind, present, 8, "user w on >secret -@all +auth +hello +sentinel|get-master-addr-by-name"
    )  # fmt: skip
    try:
        url = f"redis+sentinel://127.0.0.1:{strict.port}/jobs?sentinel_user=w&sentinel_password=secret"
        with Client(url) as client:
            client.enqueue("q", "t", {})
            assert client.snapshot("q").ready_total == 1
    finally:
        strict.remove()
