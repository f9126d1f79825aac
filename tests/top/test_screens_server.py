from __future__ import annotations

from dataclasses import replace

import pytest

from taskq_cli.top.screens.server import cpu_share, said_lines
from taskq_cli.top.source import Tick
from taskq_cli.top.widgets.lines import Line
from taskq_core import Client
from tests.servers import Server
from tests.top.showing import FakeClient, showing
from tests.top.world import SERVER, frame

INFO = {
    "role": "master",
    "uptime_in_seconds": "86400",
    "connected_clients": "41",
    "blocked_clients": "7",
    "instantaneous_ops_per_sec": "5120",
    "aof_enabled": "1",
    "evicted_keys": "0",
    "rejected_connections": "0",
    "used_cpu_sys": "1.0",
    "used_cpu_user": "1.0",
    "server_time_usec": "1000000",
}


def looks(lines: list[Line]) -> dict[str, str]:
    return {line[0][0].strip(): line[1][1] for line in lines}


async def test_the_server_is_asked_while_its_screen_is_on_top() -> None:
    client = FakeClient(info=INFO)
    async with showing(size=(120, 40), client=client) as shown:
        assert client.calls == []
        await shown.press("9")
        await shown.until("41 connected, 7 wait")
        assert "valkey 9.0.1" in shown.frame()
        assert "48 MiB of 256 MiB, 18.8%" in shown.frame()


async def test_a_full_server_that_throws_jobs_away_is_seen() -> None:
    full = replace(SERVER, used_memory=250 * 2**20, eviction="allkeys-lru")
    async with showing([Tick(replace(frame(0), server=full))], client=FakeClient(info=INFO)) as shown:
        await shown.press("9")
        assert "97.7%" in shown.frame()
        assert "allkeys-lru: it may throw jobs away" in shown.frame()


@pytest.mark.parametrize(
    ("said", "label", "look"),
    [
        ({"role": "slave"}, "up", "bad"),
        ({"aof_enabled": "0"}, "persistence", "warn"),
        ({"evicted_keys": "3"}, "evicted", "bad"),
        ({"rejected_connections": "3"}, "rejected", "bad"),
        ({"aof_last_write_status": "err"}, "", "bad"),
        ({}, "up", ""),
        ({"uptime_in_seconds": "soon"}, "up", ""),
    ],
)
def test_what_is_wrong_is_told_in_words_and_colour(said: dict[str, str], label: str, look: str) -> None:
    assert looks(said_lines(INFO | said, None))[label] == look


def test_the_share_of_a_core_is_that_between_two_answers() -> None:
    later = INFO | {"used_cpu_user": "1.5", "server_time_usec": "3000000"}
    assert cpu_share(INFO, later) == pytest.approx(0.25)
    assert cpu_share({}, later) is None
    assert cpu_share(later, later) is None


async def test_a_real_server_is_shown(any_server: Server) -> None:
    with Client(any_server.url) as client:
        server = client.ping()
        async with showing([Tick(replace(frame(0), server=server))], size=(120, 40), client=client) as shown:
            await shown.press("9")
            await shown.until("commands/s")
            assert f"{server.kind} {server.version}" in shown.frame()
            assert "fragmentation" in shown.line("peak memory")


async def test_no_server_is_known_in_a_file_of_stats() -> None:
    async with showing([Tick(replace(frame(0), server=None))], replay=True) as shown:
        await shown.press("9")
        assert "nothing is known of the server" in shown.frame()
