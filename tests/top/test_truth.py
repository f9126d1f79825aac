"""What is on screen agrees with what a load says that it did."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence

import pytest

from taskq_cli.top.app import TopApp
from taskq_cli.top.live import LiveSource
from taskq_cli.top.options import TopOptions
from taskq_core import Client
from tests.servers import Server
from tests.top.load import BURST, PARKED, Load
from tests.top.showing import FakeSource, Showing
from tests.waiting import until

WITHIN = 0.05
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0, "k": 1e3}
WINDOW_S = 10.0
LOAD_S = 12.0


def number(text: str) -> float:
    """A figure of the screen: 1 234, 12.3k, 190ms, 4.2s, 1m20s."""
    if minutes := re.fullmatch(r"(\d+)m(\d\d)s", text):
        return int(minutes[1]) * 60 + int(minutes[2])
    match = re.fullmatch(r"([\d.]+)(us|ms|s|k|)", text.replace(" ", ""))
    assert match is not None, text
    return float(match[1]) * UNITS[match[2]]


def quantile(values: Sequence[float], share: float) -> float:
    """By rank, as the server's counts are read."""
    return sorted(values)[max(1, round(share * len(values))) - 1]


def header(line: str) -> dict[str, float]:
    """The figures of the second line by their names."""
    found = re.search(
        r"in ([\d.k]+)/s +out ([\d.k]+)/s +fail ([\d.]+)% +"
        r"backlog ([\d ]+?)(?: \(.*?\))? +oldest .*dead ([\d ]+?)  ",
        line + "  ",
    )
    assert found is not None, line
    return dict(zip(("in", "out", "fail", "backlog", "dead"), map(number, found.groups()), strict=True))


def cells(shown: Showing, queue: str) -> dict[str, str]:
    """The row of a queue by its columns, as it stands on screen."""
    lines = shown.frame().splitlines()
    heading = next(line for line in lines if "QUEUE" in line)
    row = next(line for line in lines if f" {queue} " in line)
    found = {}
    for title in ("WAIT50", "WAIT99", "RUN50", "RUN99", "READY", "OUT/s", "IN/s", "DEAD"):
        match = re.search(rf" {title}\S*", heading)
        assert match is not None, heading
        found[title] = row[: match.end()][-8:].strip().rpartition("  ")[2].strip()
    return found


def close(seen: float, true: float, within: float = WITHIN) -> bool:
    return math.isclose(seen, true, rel_tol=within)


def near(seen: float, times: list[float], share: float) -> bool:
    """Within the limit of the true quantile; a few jobs more or less were done when the frame was taken."""
    low, high = quantile(times, share - 0.03), quantile(times, min(1.0, share + 0.03))
    return low * (1 - WITHIN) <= seen <= high * (1 + WITHIN)


@pytest.mark.timeout(60)
async def test_throughput_depth_failures_and_times_agree_with_the_loads_own_ledger(
    any_server: Server,
) -> None:
    with Client(any_server.url) as client, Load(any_server.url).running() as ledger:
        await until(lambda: client.snapshot("steady").workers, what="the worker")
        source = LiveSource(Client(any_server.url), label="test")
        app = TopApp(source, client, TopOptions(interval=0.25, screen="queues"))
        async with app.run_test(size=(160, 50)) as pilot:
            shown = Showing(app, pilot, FakeSource())
            await asyncio.sleep(LOAD_S)
            frame = app.clockwork.shown
            assert frame is not None
            app.clockwork.freeze()
            await asyncio.sleep(0.3)  # what was under way when the frame was taken is in the ledger by now
            seen, steady, burst = header(shown.line("backlog")), cells(shown, "steady"), cells(shown, "burst")
        source.close()

    assert len(ledger.waited) == BURST
    true = {
        "in": ledger.rate(ledger.enqueued, frame.at, WINDOW_S),
        "out": ledger.rate(ledger.done, frame.at, WINDOW_S),
    }
    failed, done = (ledger.rate(times, frame.at, 60) for times in (ledger.failed, ledger.done))
    assert close(seen["in"], true["in"]), (seen, true)
    assert close(seen["out"], true["out"]), (seen, true)
    assert close(seen["fail"] / 100, failed / (failed + done)), (seen, failed, done)
    assert seen["dead"] == pytest.approx(sum(at <= frame.at.timestamp() for at in ledger.failed), rel=WITHIN)
    assert PARKED <= seen["backlog"] <= PARKED * (1 + WITHIN)
    for title, share, row, times in (
        ("RUN50", 0.5, steady, ledger.ran),
        ("RUN99", 0.99, steady, ledger.ran),
        ("WAIT50", 0.5, burst, ledger.waited),
        ("WAIT99", 0.99, burst, ledger.waited),
    ):
        assert near(number(row[title]), times, share), (title, row, quantile(times, share))
