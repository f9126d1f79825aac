"""What is counted, how it is added up and written down, and that it stays within its limits."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families

from taskq_cli.metric_table import PART
from taskq_core import METRICS, JobOptions, Priority, QueueFull, QueueSnapshot, Receipts, TenantInfo
from taskq_core.commands.produce import Group
from taskq_core.config import TENANT_STAY_S
from taskq_core.desired import Load, desired_workers, load_of
from taskq_core.flow_metrics import Prominent
from taskq_core.job import Run
from taskq_core.metrics.catalogue import BY_NAME
from taskq_core.metrics.exposition import SheetCollector, page, text
from taskq_core.metrics.labels import MAX_QUEUES, MAX_TASKS
from taskq_core.metrics.meter import Meter
from taskq_core.metrics.producer import ProducerTally
from taskq_core.metrics.sheet import Distribution, Sheet, lasting, merged
from taskq_core.snapshot import Minute, Percentiles
from taskq_core.worker.vitals import Vitals
from tests.processes import ROOT
from tests.scraping import parsed, promtool


@dataclass
class Ended:
    raw_task: bytes
    took_us: int = 1_500
    timed_out: bool = False


def written(sheet: Sheet) -> str:
    return text([("ns", sheet)], openmetrics=False).decode()


# -- the catalogue --------------------------------------------------------------------------------


def test_every_metric_is_named_and_labelled_by_the_rules() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("taskq_")
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert metric.where
        assert metric.help.endswith(".")
        assert "le" not in metric.labels


def test_the_text_is_clean_for_promtool_and_the_same_as_prometheus_client_writes() -> None:
    sheet = Meter({"q": [b"t"]}).sheet()
    sheet |= {
        "taskq_queue_jobs": {("q", "ready"): 3_000_000},
        "taskq_build_info": {("1", "3", 'odd "server" \\ with\na line'): 1},
        "taskq_redis_cpu_seconds_total": {(): 0.25},
    }
    sheet["taskq_job_run_seconds"]["q", "t"].add(0.3, 2_000_001)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SheetCollector(lambda: [("ns", sheet)], sheet))

    ours = parsed(written(sheet))

    assert ours.samples == parsed(generate_latest(registry).decode()).samples
    assert promtool(ours.text) == ""
    read: Any = open_families  # it has no types
    openly = read(text([("ns", sheet)], openmetrics=True).decode())
    assert {(s.name, frozenset(s.labels.items())): s.value for f in openly for s in f.samples} == ours.samples


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("text/plain;version=0.0.4", "text/plain"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str, kind: str) -> None:
    body, headers = page([("ns", Meter({"q": []}).sheet())], accept, "gzip;q=1.0, identity")

    assert headers["Content-Type"].startswith(kind)
    assert headers["Content-Encoding"] == "gzip"
    assert body[:2] == b"\x1f\x8b"


def test_the_page_has_the_metrics_of_now() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()

    assert page == PART.renewed(page), "run `make docs`"
    assert all(f"`{metric.name}`" in page for metric in METRICS)


# -- counting ---------------------------------------------------------------------------------------


def test_all_known_series_are_zero_at_the_start() -> None:
    seen = parsed(written(Meter({"q": [b"t", b"u"], "r": [b"t"]}).sheet()))

    assert len(seen.series("taskq_job_attempts_total")) == (3 + 2) * 5  # with the unknown task of each queue
    assert len(seen.series("taskq_job_wait_seconds_count")) == 2
    assert set(seen.samples.values()) == {0}


def test_attempts_are_counted_by_outcome_and_timed() -> None:
    meter = Meter({"q": [b"t"]})
    meter.ended("q", "done", [Ended(b"t"), Ended(b"t"), Ended(b"ghost", -1), None])
    meter.failed("q", [(Ended(b"t"), False), (Ended(b"t", 2_000_000, timed_out=True), True)])
    meter.ended("q", "lost", [Ended(b"t")])
    meter.waited("q", {250: 2, -7: 1})
    seen = parsed(written(meter.sheet()))

    assert {
        outcome: seen("taskq_job_attempts_total", task="t", outcome=outcome)
        for outcome in ("done", "failed", "timeout", "cancelled", "lost")
    } == {"done": 2, "failed": 1, "timeout": 1, "cancelled": 0, "lost": 1}
    assert seen("taskq_job_attempts_total", task="_unknown", outcome="done") == 1
    assert (seen("taskq_jobs_retried_total", task="t"), seen("taskq_jobs_dead_total", task="t")) == (1, 1)
    assert seen("taskq_job_run_seconds_count", task="t") == 4
    assert seen("taskq_job_run_seconds_count", task="_unknown") == 0  # it did not run
    assert seen("taskq_job_run_seconds_sum", task="t") == pytest.approx(2.0045)
    assert seen("taskq_job_run_seconds_bucket", task="t", le="0.005") == 3
    assert seen("taskq_job_wait_seconds_count") == 3
    assert seen("taskq_job_wait_seconds_sum") == pytest.approx(0.5)


def test_nothing_is_missing_when_threads_count_and_read_at_the_same_time() -> None:
    meter = Meter({"q": [b"t"]})

    def count() -> None:
        for n in range(2_000):
            meter.ended("q", "done", [Ended(b"t", n % 977)] * 3)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    seen = 0.0
    while any(thread.is_alive() for thread in threads):
        now = meter.sheet()["taskq_job_attempts_total"]["q", "t", "done"]
        assert now >= seen
        seen = now
    assert meter.sheet()["taskq_job_attempts_total"]["q", "t", "done"] == 18_000


def test_ten_thousand_random_names_make_no_more_series_than_the_limit() -> None:
    names = [f"task_{n:05}" for n in range(10_000)]
    foreign = Meter({"q": [b"t"]})
    before = len(parsed(written(foreign.sheet())).samples)
    foreign.ended("q", "done", [Ended(name.encode()) for name in names])
    assert len(parsed(written(foreign.sheet())).samples) == before

    known = Meter({"q": [name.encode() for name in names]})
    known.ended("q", "done", [Ended(name.encode()) for name in names])
    sheet = known.sheet()
    assert len(sheet["taskq_job_run_seconds"]) == MAX_TASKS + 2  # and those of no handler, and all others
    assert sum(sheet["taskq_job_attempts_total"].values()) == 10_000

    tally = ProducerTally()
    for name in names:
        tally.enqueued(
            ("ns", f"queue-{name}"), [Group(name, [b"{}"])], Receipts("q", [Run("n", "1", 0, 1, False)])
        )
    sheet = tally.sheets()[0][1]
    assert len(sheet["taskq_jobs_enqueued_total"]) <= MAX_TASKS + 1
    assert len({queue for queue, _ in sheet["taskq_enqueue_rejected_total"]}) <= MAX_QUEUES + 1
    assert sum(sheet["taskq_jobs_enqueued_total"].values()) == 10_000


def test_producers_count_jobs_by_task_and_refusals_by_reason() -> None:
    tally = ProducerTally()
    groups = [Group("a", [b"{}"] * 3), Group("b", [b"{}"], JobOptions(unique="k"))]
    tally.enqueued(
        ("ns", "q"), groups, Receipts("q", [Run("n", "1", 0, 3, False), Run("n", "1", 9, 1, True)])
    )
    tally.refused(("ns", "q"), groups, QueueFull("q", 1, 1))
    rows = tally.sheets()[0][1]

    assert rows["taskq_jobs_enqueued_total"] == {("q", "a"): 3, ("q", "b"): 0}
    assert {k[1]: v for k, v in rows["taskq_enqueue_rejected_total"].items() if v} == {
        "duplicate": 1,
        "full": 4,
    }


# -- health -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "rested", "beaten", "reason"),
    [
        (1, None, 99, ""),
        (9, None, 1, "no claim was answered for 9 s"),
        (None, None, 1, "no claim was answered yet"),
        (60, 1, 9, ""),  # all slots are taken by long jobs
        (60, 1, 20, "no heartbeat was answered for 20 s"),
        (60, 9, 1, "no claim was answered for 60 s"),  # the claim loop stands still
    ],
)
def test_a_worker_is_ready_while_its_claims_are_answered_or_not_needed(
    answered: float | None, rested: float | None, beaten: float, reason: str
) -> None:
    def ago(seconds: float | None) -> float:
        return 0.0 if seconds is None else monotonic() - seconds

    claimer = SimpleNamespace(answered=ago(answered), rested=ago(rested))
    organs: Any = SimpleNamespace(
        claimer=claimer, slots=None, heartbeats=[SimpleNamespace(beaten=ago(beaten))], lease_s=15.0
    )
    vitals = Vitals("ns", Meter({}))
    assert vitals.ready() == "starting"
    vitals._organs = organs
    assert vitals.ready() == reason
    vitals.stopping = True
    assert vitals.ready().startswith("draining")


def test_a_worker_lives_until_its_event_loop_has_stood_still_for_a_minute() -> None:
    vitals = Vitals("ns", Meter({}))
    organs: Any = SimpleNamespace()
    vitals._organs = organs
    vitals._turned = monotonic() - 55
    assert vitals.live() == ""
    vitals._turned = monotonic() - 61
    assert vitals.live() == "the event loop has not turned for 61 s: a handler blocks it"


# -- adding up ----------------------------------------------------------------------------------------


def test_sheets_of_processes_are_added_and_gauges_joined_as_each_one_says() -> None:
    def sheet(busy: int, longest: float, claimed: float, took: float) -> Sheet:
        times = Distribution.empty((1.0, 2.0))
        times.add(took)
        return {
            "taskq_worker_busy_slots": {(): busy},
            "taskq_longest_running_job_seconds": {(): longest},
            "taskq_worker_last_claim_timestamp_seconds": {(): claimed},
            "taskq_jobs_dead_total": {("q", "t"): busy},
            "taskq_job_wait_seconds": {("q",): times},
        }

    one, other = sheet(1, 5.0, 100.0, 0.5), sheet(2, 3.0, 90.0, 7.0)
    whole = merged([one, other])

    assert whole["taskq_worker_busy_slots"] == {(): 3}
    assert whole["taskq_longest_running_job_seconds"] == {(): 5.0}
    assert whole["taskq_worker_last_claim_timestamp_seconds"] == {(): 90.0}
    assert whole["taskq_job_wait_seconds"]["q",].counts == [1, 0, 1]
    assert one["taskq_job_wait_seconds"]["q",].counts == [1, 0, 0]
    assert lasting(whole).keys() == {"taskq_jobs_dead_total", "taskq_job_wait_seconds"}


# -- how many workers are asked for ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        (Load(0, 1, 0, 0), 0),
        (Load(0, 0.001, 1, 0), 1),
        (Load(100, 0.5, 0, 0), 5),  # 50 slots are busy
        (Load(100, 0.5, 6_000, 0), 10),  # and 50 more end the backlog within a minute
        (Load(0, 0.5, 0, 21), 3),  # what runs keeps its slot
    ],
)
def test_desired_workers_keep_up_and_end_the_backlog_in_time(load: Load, wanted: int) -> None:
    assert desired_workers(load, timedelta(minutes=1), 10) == wanted


def test_the_load_is_that_of_the_last_two_minutes() -> None:
    at = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    minutes = (
        Minute(at.replace(second=0), {"enqueued": 30, "retried": 15}, None, Percentiles.of({130: 1})),
        Minute(at.replace(minute=59, hour=11, second=0), {"enqueued": 45}, None, None),
        Minute(
            at.replace(minute=50, hour=11, second=0), {"enqueued": 9_000}, None, Percentiles.of({900: 50})
        ),
    )
    snapshot = QueueSnapshot(
        "q", at, False, {Priority.NORMAL: 7}, 2, 1, 0, 1, None, at - timedelta(seconds=3), {}, {}, minutes
    )
    load = load_of(snapshot, None)

    assert (load.arrivals_per_s, load.backlog, load.running) == (1.0, 8, 2)
    assert load.service_s == pytest.approx(0.0023, rel=0.05)
    idle = load_of(replace(snapshot, history=()), 0.25)
    assert (idle.arrivals_per_s, idle.service_s) == (0, 0.25)
    # more workers start none of what is held, and one has to be there when it may start
    assert [load_of(replace(snapshot, held=held), None).backlog for held in (3, 7)] == [4 + 1, 1 + 1]


def test_who_is_told_by_name_has_most_jobs_and_stays_for_some_minutes() -> None:
    def crowd(**jobs: int) -> list[TenantInfo]:
        found = [TenantInfo("q", name, ready={Priority.NORMAL: n}) for name, n in jobs.items()]
        return sorted(found, key=lambda info: -info.ready_total)

    prominent = Prominent(2)
    names = [[info.name for info in prominent.choose("q", crowd(a=5, b=3, c=1), 0.0)]]
    # others have more now, and series are not to change at each look
    for now in (10.0, TENANT_STAY_S - 1, TENANT_STAY_S):
        names.append([info.name for info in prominent.choose("q", crowd(c=9, d=8, a=1, b=1), now)])
    assert names == [["a", "b"], ["a", "b"], ["a", "b"], ["c", "d"]]
    assert prominent.known("q") == ["c", "d", "a", "b"]
    # a place is kept for one that is away for a moment
    assert [info.name for info in prominent.choose("q", crowd(e=99, c=1), TENANT_STAY_S + 9)] == ["c"]
    prominent.forget(["other"])
    assert prominent.known("q") == []
    assert Prominent(0).choose("q", crowd(a=1), 0.0) == []
