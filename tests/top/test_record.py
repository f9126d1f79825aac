from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taskq_cli.queue_views import QUEUE, queue_record
from taskq_cli.top.frame import queue_frame
from taskq_cli.top.live import LiveSource
from taskq_cli.top.record import RecordingSource
from taskq_cli.top.recording import Decoder, Encoder, queue_line
from taskq_cli.top.replay import ReplaySource
from taskq_cli.top.source import Tick
from taskq_core import Client, Job, NewJob, TaskQueue, UsageError, WorkerOptions
from tests.conftest import Taskq
from tests.servers import Server
from tests.top.showing import FakeSource
from tests.top.world import START, frame, ticks, worker


def lines_of(recorded: Iterable[Tick]) -> list[str]:
    encoder = Encoder()
    return [encoder.head("prod:default"), *(line for tick in recorded for line in encoder.lines(tick))]


def replayed(lines: Iterable[str]) -> list[Tick]:
    decoder = Decoder()
    found = [tick for line in lines if (tick := decoder.take(line.encode())) is not None]
    rest = decoder.rest()
    return found if rest is None else [*found, rest]


def written(path: Path, recorded: Iterable[Tick]) -> Path:
    _ = path.write_text("".join(f"{line}\n" for line in lines_of(recorded)))
    return path


def counts_of(tick: Tick) -> dict[str, list[Any]]:
    return {
        name: [(minute.at, dict(minute.counts)) for minute in minutes] for name, minutes in tick.past.items()
    }


# -- the same frames -----------------------------------------------------------------------------------


def test_a_recording_gives_the_same_frames_and_the_same_past() -> None:
    before = list(ticks(120))
    after = replayed(lines_of(before))
    assert [tick.frame for tick in after] == [tick.frame for tick in before]
    assert [counts_of(tick) for tick in after] == [counts_of(tick) for tick in before]


def changing() -> Iterator[Tick]:
    """Queues, workers, failures and the server come, go, and come in another order."""
    first = frame(0)
    yield Tick(first)
    yield Tick(replace(frame(1), queues=first.queues[2:], workers=(), failures=(), server=None))
    yield Tick(replace(frame(2), queues=tuple(reversed(frame(2).queues))))
    yield Tick(replace(frame(3), queues=(), workers=(), failures=first.failures[3:9]))
    yield Tick(replace(frame(4), workers=(worker("new", "emails", 4), *frame(4).workers[1:])))
    held = replace(first.queues[0], held=9, held_by_tenants=4, settings={"rate": "1"}, next_fire_at=START)
    yield Tick(replace(frame(4), queues=(held, *first.queues[1:])))
    yield Tick(frame(4))


def test_what_comes_goes_and_comes_back_is_the_same() -> None:
    assert [tick.frame for tick in replayed(lines_of(changing()))] == [tick.frame for tick in changing()]


def test_what_did_not_change_is_not_written_again() -> None:
    encoder = Encoder()
    first = list(encoder.lines(Tick(frame(0))))
    second = list(encoder.lines(Tick(frame(0))))
    assert len(first) > 30
    assert [json.loads(line)["schema"] for line in second] == ["taskq.frame/1"]


def test_a_queue_is_the_record_that_stats_prints(any_server: Server) -> None:
    with Client(any_server.url) as client:
        _ = client.enqueue("emails", "send-email", {"to": "user@example.com"})
        snapshot = client.snapshot("emails", 2)
    record = queue_line(queue_frame(snapshot), {"enqueued": 0.0, "done": 0.0, "failed": 0.0})
    plain = queue_record(snapshot)
    assert set(QUEUE.fields) <= record.keys()
    same = ("schema", "queue", "at", "state", "ready", "ready_by_priority", "scheduled", "oldest_ready_s")
    assert {name: record[name] for name in same} == {name: plain[name] for name in same}


def test_the_rates_in_a_recording_are_those_of_the_last_minute() -> None:
    last = {}
    for line in lines_of(ticks(90)):
        record = json.loads(line)
        if record["schema"] == QUEUE.schema:
            last[record["queue"]] = record
    assert last["emails"]["enqueued_per_s"] == pytest.approx(212, rel=0.01)
    assert last["feeds"]["failed_per_s"] == pytest.approx(8, rel=0.01)


# -- files of `taskq stats --watch` ----------------------------------------------------------------------


def test_a_file_of_stats_is_replayed(taskq: Taskq, any_server: Server, tmp_path: Path) -> None:
    with Client(any_server.url) as client:
        for queue, count in (("emails", 5), ("feeds", 2)):
            _ = client.enqueue_jobs(queue, [NewJob("send-email", {"n": n}) for n in range(count)])
    once = taskq("stats", "-o", "ndjson", url=any_server.url).stdout
    path = tmp_path / "stats.ndjson"
    _ = path.write_text(once * 3)
    source = ReplaySource(path)
    found = list(iter(source.tick, None))
    source.close()
    assert len(found) == 3
    assert {queue.name: queue.waiting for queue in found[-1].frame.queues} == {"emails": 5, "feeds": 2}


# -- files -----------------------------------------------------------------------------------------------


def test_a_recording_is_written_as_it_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "night.ndjson"
    inner = FakeSource()
    inner.waiting = list(ticks(3))
    source = RecordingSource(inner, path)
    assert source.label == "prod:default REC"
    first = source.tick()
    assert first is not None
    assert [tick.frame for tick in replayed(path.read_text().splitlines())] == [first.frame]
    for _ in iter(source.tick, None):
        pass
    source.close()
    replay = ReplaySource(path)
    assert replay.label == "prod:default"
    assert [tick.frame for tick in iter(replay.tick, None)] == [tick.frame for tick in ticks(3)]
    replay.close()


def test_what_a_real_server_told_comes_back_to_the_millisecond(server: Server, tmp_path: Path) -> None:
    seen: list[Tick] = []
    path = tmp_path / "night.ndjson"
    tasks = TaskQueue("feeds", redis=server.url, retries=1)

    def fetch(job: Job) -> None:
        raise ConnectionError(f"{job.id} got no answer \x1b[2J ü")

    _ = tasks.process("fetch-feed")(fetch)

    source = RecordingSource(LiveSource(Client(server.url), label="x"), path)
    with closing(source), Client(server.url) as client:
        seen.append(source.tick() or Tick(frame(0)))  # no queue yet
        _ = tasks.add_many_sync("fetch-feed", [{"n": n} for n in range(7)])
        seen.append(source.tick() or Tick(frame(0)))
        tasks.run(WorkerOptions(burst=True))
        seen.append(source.tick() or Tick(frame(0)))
        _ = client.pause("feeds")
        client.configure("feeds", max_jobs=50)
        _ = client.enqueue("emails", "send-email", {})
        seen.append(source.tick() or Tick(frame(0)))
    tasks.close_sync()
    assert seen[2].frame.failures
    assert seen[2].frame.queues[0].run is not None
    assert seen[3].frame.queues[1].settings
    replay = ReplaySource(path)
    with closing(replay):
        assert [tick.frame for tick in iter(replay.tick, None)] == [tick.frame for tick in seen]


def test_no_file_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "night.ndjson"
    path.touch()
    with pytest.raises(UsageError, match="exists already"):
        RecordingSource(FakeSource(), path)


def test_a_full_disk_ends_the_recording_and_not_the_view(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(path: Path, mode: str, encoding: str) -> object:
        return open("/dev/full", "w", encoding=encoding)  # noqa: PTH123 - in the place of Path.open

    monkeypatch.setattr(Path, "open", full)
    inner = FakeSource()
    inner.waiting = list(ticks(2))
    source = RecordingSource(inner, tmp_path / "night.ndjson")
    assert source.tick() is not None
    assert source.tick() is not None
    assert "recording stopped: No space left" in source.label
    source.close()


def test_a_recording_cut_off_in_a_line_is_played_up_to_there(tmp_path: Path) -> None:
    path = written(tmp_path / "night.ndjson", ticks(4))
    _ = path.write_bytes(path.read_bytes()[:-10])
    source = ReplaySource(path)
    assert len(list(iter(source.tick, None))) == 3
    source.close()


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"schema":"taskq.queue/1","queue":"emails"}',
        '{"schema":"taskq.queue/1","queue":7,"at":"2026-01-05T12:00:00Z","ready_by_priority":{},"totals":{}}',
        '{"schema":"taskq.frame/1","at":"2026-01-05T12:00:00Z","queues":["nowhere"]}',
        '{"schema":"taskq.frame/1","at":"yesterday"}',
        '{"schema":"taskq.lease/1","id":"a","queue":"b","expires_at":"2026-01-05T12:00:00Z","about":[1]}',
        '{"schema":"taskq.frame/1","at":"2026-01-05T12:00:00Z","rtt_s":1e999}',
        "[" * 5_000,
    ],
)
def test_a_bad_line_is_named(line: str, tmp_path: Path) -> None:
    path = written(tmp_path / "night.ndjson", ticks(2))
    lines = path.read_text().count("\n")
    with path.open("a") as file:
        _ = file.write(f"{line}\n")

    source = ReplaySource(path)
    with closing(source), pytest.raises(UsageError, match=rf"line {lines + 1}: "):
        list(iter(source.tick, None))


def test_lines_of_another_kind_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mixed.ndjson"
    kept = lines_of(ticks(2))
    _ = path.write_text("\n".join(['{"schema":"taskq.later/1","x":1}', "", '{"y":2}', *kept, ""]))
    source = ReplaySource(path)
    assert len(list(iter(source.tick, None))) == 2
    source.close()


@pytest.mark.parametrize("content", ["", "\n\n", '{"schema":"taskq.job/1"}\n'])
def test_a_file_without_ticks_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.ndjson"
    _ = path.write_text(content)
    with pytest.raises(UsageError, match="holds nothing to replay"):
        ReplaySource(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        ReplaySource(tmp_path / "nowhere.ndjson")


def test_ticks_are_played_at_the_pace_of_the_recording_without_its_long_silences(tmp_path: Path) -> None:
    first, second, third = frame(0), frame(2), frame(3)
    third = replace(third, at=third.at + timedelta(hours=1))
    source = ReplaySource(written(tmp_path / "night.ndjson", map(Tick, (first, second, third))))
    assert source.gap() == 0
    gaps = []
    while source.tick() is not None:
        gaps.append(source.gap())
    source.close()
    assert gaps == [2.0, 5.0, 0.0]
