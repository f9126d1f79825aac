"""What a live view showed while it was recorded, and what the recording shows: frame by frame, as text.

`python -m tests.top.recorded 300` compares five minutes of `taskq demo --hold` on a server of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from taskq_cli.top.app import TopApp
from taskq_cli.top.live import LiveSource
from taskq_cli.top.options import TopOptions
from taskq_cli.top.record import RecordingSource
from taskq_cli.top.replay import ReplaySource
from taskq_core import Client
from tests.processes import Program, environment, taskq_command
from tests.servers import Server
from tests.top.showing import FakeSource, Showing
from tests.waiting import until, wait_until

SCREENS = "1258"
"""Those that show nothing but frames: overview, queues, workers, charts."""
SIZE = (120, 40)
NEVER_S = 3_600.0
Frames = dict[datetime, dict[str, list[str]]]
"""By the time of the frame, then by the key of the screen."""


def below_the_first_line(text: str) -> list[str]:
    """Without the line that says live or replay, and without the footer."""
    return text.splitlines()[1:-1]


async def _look(shown: Showing, screens: str) -> dict[str, list[str]]:
    found = {}
    for key in screens:
        await shown.press(key)
        found[key] = below_the_first_line(shown.frame())
    return found


async def recorded(url: str, namespace: str, path: Path, ticks: int, *, every: float = 1.0) -> Frames:
    """What is seen of so many ticks, which are recorded meanwhile; of each the next of the screens."""
    frames: Frames = {}
    source = RecordingSource(LiveSource(Client(url, namespace=namespace), label="test"), path)
    # ticks are taken here alone, so that no other comes between two screens
    app = TopApp(source, Client(url, namespace=namespace), TopOptions(interval=NEVER_S))
    async with app.run_test(size=SIZE) as pilot:
        shown = Showing(app, pilot, FakeSource())
        await until(lambda: app.store.latest is not None, what="the first picture")
        began = time.monotonic()
        for tick in range(ticks):
            await asyncio.sleep(max(0.0, began + tick * every - time.monotonic()))
            await app.refresh_view()
            assert app.clockwork.shown is not None
            frames[app.clockwork.shown.at] = await _look(shown, SCREENS[tick % len(SCREENS)])
    source.close()
    assert app.client is not None
    app.client.close()
    return frames


async def replayed(path: Path, live: Frames) -> Frames:
    """What the recording shows of the same, held and gone through tick by tick."""
    frames: Frames = {}
    with contextlib.closing(ReplaySource(path)) as source:
        app = TopApp(source, None, TopOptions())
        async with app.run_test(size=SIZE) as pilot:
            shown = Showing(app, pilot, FakeSource())
            await until(lambda: app.store.latest is not None, what="the first picture")
            await shown.press("z")
            while app.clockwork.shown is not None and app.clockwork.shown.at not in frames:
                at = app.clockwork.shown.at
                frames[at] = await _look(shown, "".join(live.get(at, ())))
                await shown.press("right_square_bracket")
    return frames


def differences(live: Frames, again: Frames) -> list[str]:
    """Lines that are not the same, each with its time and screen."""
    found = [f"{at} is not in the recording" for at in live if at not in again]
    for at in live.keys() & again.keys():
        for key in live[at]:
            pairs = zip(live[at][key], again[at][key], strict=True)
            found += [f"{at} screen {key}\n- {a}\n+ {b}" for a, b in pairs if a != b]
    return found


@contextmanager
def demo() -> Iterator[str]:
    """The demo on a server of its own, with all that can be wrong in it. Yields the server's address."""
    server = Server("valkey").start()
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder), server.url)
        program = Program([*taskq_command(), "demo", "--hold"], env=env, folder=Path(folder), name="demo")
        try:
            with Client(server.url, namespace="demo") as client:
                wait_until(client.queues, 30, "the demo's queues")
            yield server.url
        finally:
            _ = program.stop()
            server.remove()


def main() -> int:
    """Records for so many seconds, and says whether the replay is the same."""
    seconds = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "night.ndjson")
        with demo() as url:
            live = asyncio.run(recorded(url, "demo", path, seconds))
        size, again = path.stat().st_size, asyncio.run(replayed(path, live))
    wrong, times = differences(live, again), sorted(live)
    print(f"{len(live)} frames in {times[-1] - times[0]}, {size:,} bytes; {len(wrong)} lines differ")
    print("\n".join(wrong[:20]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
