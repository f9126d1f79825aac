"""Searching: the server's sieve drops nothing that matches, a step is bounded, and pages stay good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from taskq_core import JobDetail, JobFilter, State, config
from taskq_core.codec import Meta, encode_failure, encode_record
from taskq_core.job import Failure
from taskq_core.scripts import script
from tests.scripts.rig import Rig

PAYLOADS: Final = (
    b'{"to":"zoe@example.com","n":3}',
    b'{"to": "zo\\u00eb", "n": 3.0}',
    '{"to":"zoë","n":30}'.encode(),
    b'{"to":"\\u007aoe@example.com"}',
    b'{"path":"a\\/b","n":3e0}',
    b'{"path":"a/b","deep":{"x":[1,2,{"y":"z"}]}}',
    b'{ "deep" : { "x" : [ 1 , 2 ] } , "n" : 12345 }',
    b'{"n":"12345"}',
    b'{"n":1.2345e4}',
    b'{"a":1,"b":2,"a":3}',
    b'{"text":"say \\"hi\\", then, go"}',
    b'{"t":true,"f":false,"z":null}',
    b"not json at all",
    b"\xff\xfe",
)
FILTERS: Final = (
    "payload.to=zoe@example.com",
    "payload.to~zo",
    "payload.to=*@example.*",
    "payload.to~zoë",
    "payload.n=3",
    "payload.n=3.0",
    "payload.n~3",
    "payload.n=12*",
    "payload.n=12345",
    "payload.n>5",
    "payload.path=a/b",
    'payload.deep={"x":*}',
    "payload.deep~z",
    "payload.a=3",
    'payload.text~"hi"',
    "payload.t=true",
    "payload.z=null",
    "payload~json",
    "payload.n!=3",
    "payload.to=[z]oe*",
    "error.type=OSError",
    "error.message~disk full",
    "error.message=*é*",
    "error.type=Malformed",
    "error~Trace",
    "task=send",
    "task=s?nd",
    "task~end",
    "task!=send",
    "attempts>1",
    "attempts=2",
    "attempts<2",
    "priority=high",
)


def test_the_sieve_drops_nothing_that_matches(rig: Rig) -> None:
    _place_odd_jobs(rig)
    for state in (State.DEAD, State.SCHEDULED, State.READY):
        every = _all(rig, state, JobFilter())
        assert len(every) >= len(PAYLOADS)
        for text in FILTERS:
            where = JobFilter.parse(text)
            found = [job.ref.id for job in _all(rig, state, where)]
            assert found == [job.ref.id for job in every if where.accepts(job)], (state, text)


def test_the_sieve_spares_what_cannot_match(rig: Rig) -> None:
    rig.add(50, task="other", payload={"to": "nobody"})
    rig.add(1, task="send", payload={"to": "zoe@example.com"})
    where = JobFilter.parse("payload.to=zoe@*, task=send")
    reply = rig.client.execute(
        "EVAL", script("list_ready").source, 4, *rig.keys.streams, 1, "o", "", 100, 2000, 10**6, where.sieve()
    )
    assert int(reply[3]) == 51
    assert len(reply[4]) == 1


def test_a_step_looks_at_so_many_jobs_and_no_more(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "LOOK_ROWS", 100)
    rig.add(250, payload={"x": "no"})
    rig.add(250, delay=timedelta(hours=1), payload={"x": "no"})
    for state in (State.READY, State.SCHEDULED):
        looks, cursor = [], ""
        while True:
            where = JobFilter.parse("payload.x=yes")
            page = rig.client.list_jobs("q", state, limit=1000, cursor=cursor, where=where)
            assert page.jobs == ()
            looks.append(page.looked)
            cursor = page.cursor
            if not cursor:
                break
        assert sum(looks) == 250
        assert max(looks) == 100


def test_a_step_reads_so_many_bytes_and_no_more(rig: Rig) -> None:
    size = 100_000
    rig.add(60, payload={"x": "y" * size})
    page = rig.client.list_jobs("q", State.READY, limit=1000)
    assert config.LOOK_BYTES / size <= len(page.jobs) <= config.LOOK_BYTES / size + 1
    assert len(_all(rig, State.READY, JobFilter())) == 60


def test_since_ends_the_search_of_dead_jobs_where_older_ones_begin(rig: Rig) -> None:
    ids = _dead(rig, 300)
    for n, job_id in enumerate(ids):
        rig.raw.zadd(rig.keys.dead, {job_id: 1_000_000 + n})
    since = datetime.fromtimestamp((1_000_000 + 290) / 1000, UTC)
    page = rig.client.list_jobs("q", State.DEAD, limit=1000, where=JobFilter(since=since))
    assert [job.ref.id for job in page.jobs] == ids[:289:-1]
    assert (page.cursor, page.looked) == ("", 10)
    before = JobFilter(before=since)
    assert [job.ref.id for job in _all(rig, State.DEAD, before)] == ids[289::-1]


@pytest.mark.parametrize("state", [State.DEAD, State.SCHEDULED])
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("limit", [1, 7])
def test_pages_miss_nothing_when_what_was_listed_is_removed(
    rig: Rig, state: State, ties: bool, limit: int
) -> None:
    ids = _dead(rig, 40) if state is State.DEAD else rig.add(40, delay=timedelta(hours=1))
    index = rig.keys.dead if state is State.DEAD else rig.keys.due
    for n, job_id in enumerate(ids):
        rig.raw.zadd(index, {job_id: 5_000_000_000_000 + (n // 10 if ties else n)})
    seen: list[str] = []
    cursor = ""
    while True:
        page = rig.client.list_jobs("q", state, limit=limit, cursor=cursor)
        seen += [job.ref.id for job in page.jobs]
        if page.jobs:
            rig.raw.zrem(index, *(job.ref.id for job in page.jobs))
        cursor = page.cursor
        if not cursor:
            break
    assert sorted(seen) == sorted(ids)


def test_a_cursor_stands_where_its_job_was_although_that_job_died_again(rig: Rig) -> None:
    ids = _dead(rig, 6)
    for n, job_id in enumerate(ids):
        rig.raw.zadd(rig.keys.dead, {job_id: 1000 + n})
    page = rig.client.list_jobs("q", State.DEAD, limit=3)
    rig.raw.zadd(rig.keys.dead, {page.jobs[-1].ref.id: 9000})
    rest = rig.client.list_jobs("q", State.DEAD, cursor=page.cursor)
    assert [job.ref.id for job in rest.jobs] == ids[2::-1]


def _all(rig: Rig, state: State, where: JobFilter) -> list[JobDetail]:
    found: list[JobDetail] = []
    cursor = ""
    while True:
        page = rig.client.list_jobs("q", state, limit=5, cursor=cursor, where=where)
        found += page.jobs
        cursor = page.cursor
        if not cursor:
            return found


def _dead(rig: Rig, count: int) -> list[str]:
    rig.hire()
    return [job_id for start in range(0, count, 20) for job_id in rig.bury(min(20, count - start))]


def _place_odd_jobs(rig: Rig) -> None:
    """Jobs as a stranger may write them, by hand."""
    errors = (
        b"",
        encode_failure(Failure("OSError", "disk full", "Traceback")),
        b'{"type":"OS\\u0045rror","message":"disk full"}',
        b'{"type":"E","message":"caf\\u00e9"}',
        b"{broken",
    )
    for n, payload in enumerate(PAYLOADS):
        rig.raw.xadd(rig.keys.streams[n % 4], {"send" if n % 2 else "other": payload})
        for index, records in ((rig.keys.dead, rig.keys.dead_jobs), (rig.keys.due, rig.keys.jobs)):
            for k, error in enumerate(errors):
                meta = Meta(attempts=k, id="n1-1")
                task = b"send" if n % 2 else b"other"
                job_id = f"n{1000 + n}-{k}"
                record = encode_record(b"chnl"[n % 4 : n % 4 + 1], task, meta, error, payload)
                rig.raw.hset(records, job_id, record)
                rig.raw.zadd(index, {job_id: 2000 + n})
    for index, records in ((rig.keys.dead, rig.keys.dead_jobs), (rig.keys.due, rig.keys.jobs)):
        rig.raw.hset(records, "n1-1", b"no record")
        rig.raw.zadd(index, {"n1-1": 1})
