from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from taskq_cli.top.app import TopApp
from taskq_cli.top.options import TopOptions
from taskq_cli.top.replay import ReplaySource
from tests.top.showing import Showing, showing
from tests.top.test_record import written
from tests.top.world import ticks
from tests.waiting import until


@asynccontextmanager
async def replaying(path: Path) -> AsyncIterator[Showing]:
    source = ReplaySource(path)
    app = TopApp(source, None, TopOptions())
    with closing(source):
        async with app.run_test(size=(120, 40)) as pilot:
            shown = Showing(app, pilot, source)  # type: ignore[arg-type]  # a recording in the place of the fake
            await until(lambda: app.store.latest is not None)
            yield shown


def below_the_header(text: str) -> list[str]:
    return text.splitlines()[2:]


async def test_a_replay_shows_what_the_live_view_showed(tmp_path: Path) -> None:
    recorded = list(ticks(30))
    path = written(tmp_path / "night.ndjson", recorded)
    seen: dict[str, list[str]] = {}
    async with showing(recorded, size=(120, 40), replay=True) as shown:
        for key in "12578":
            await shown.press(key)
            seen[key] = below_the_header(shown.frame())
    async with replaying(path) as shown:
        await shown.press("z", "z", "right_curly_bracket")
        for key in "12578":
            await shown.press(key)
            await shown.pilot.pause()
            assert below_the_header(shown.frame())[:-1] == seen[key][:-1]  # the footer says that it has ended


async def test_skipping_goes_on_and_stops_at_the_end(tmp_path: Path) -> None:
    recorded = list(ticks(130))
    async with replaying(written(tmp_path / "night.ndjson", recorded)) as shown:
        clock = shown.app.clockwork
        await shown.press("z", "right_curly_bracket")
        # frozen, it goes on from the newest one all the same, and stays frozen
        assert "frozen" in shown.line("taskq ")
        first = shown.app.store.frames.index(clock.shown) if clock.shown else -1
        assert 60 <= first <= 62
        await shown.press("right_curly_bracket", "right_curly_bracket")
        assert clock.shown == recorded[-1].frame
        await shown.press("right_square_bracket")
        assert "the recording has ended" in shown.frame()
        await shown.press("left_square_bracket")
        assert clock.shown == recorded[-2].frame
        assert "frozen" in shown.line("taskq ")
        await shown.press("ctrl+t")
        assert "replay" in shown.line("taskq ")


async def test_a_later_time_is_read_for(tmp_path: Path) -> None:
    recorded = list(ticks(100))
    async with replaying(written(tmp_path / "night.ndjson", recorded)) as shown:
        await shown.press("t", *("colon" if char == ":" else char for char in "12:05:31"), "enter")
        await until(
            lambda: (latest := shown.app.store.latest) is not None and latest.at >= recorded[60].frame.at
        )
        await shown.rest()
        assert "12:05:31Z" in shown.frame()
        assert "frozen" in shown.line("taskq ")


async def test_a_frozen_replay_stands_still_and_goes_on(tmp_path: Path) -> None:
    async with replaying(written(tmp_path / "night.ndjson", ticks(60))) as shown:
        await shown.press("z")
        held = len(shown.app.store.frames)
        await shown.pilot.pause(1.3)
        assert len(shown.app.store.frames) == held
        await shown.press("z")
        await until(lambda: len(shown.app.store.frames) > held)


async def test_nothing_can_be_changed_or_asked_in_a_replay(tmp_path: Path) -> None:
    async with replaying(written(tmp_path / "night.ndjson", ticks(3))) as shown:
        assert "READ-ONLY" in shown.frame()
        await shown.press("2", "P")
        assert "read-only" in shown.frame()
        await shown.press("9")
        assert "live only" in shown.frame()


async def test_a_spoiled_line_ends_the_replay_and_says_where(tmp_path: Path) -> None:
    path = written(tmp_path / "night.ndjson", ticks(2))
    with path.open("a") as file:
        _ = file.write("spoiled\n")
    async with replaying(path) as shown:
        await shown.press("right_curly_bracket")
        assert "night.ndjson, line" in shown.frame()
