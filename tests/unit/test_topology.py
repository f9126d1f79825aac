"""URLs of several hosts, and the routes of calls in a cluster: without any server."""

from __future__ import annotations

from typing import Any

import pytest
from redis import exceptions as rx
from redis.crc import key_slot

from taskq_core import AsyncClient, Client, ServerUnreachable, UsageError, shown_url
from taskq_core.cluster_map import Round
from taskq_core.keys import queue_keys
from taskq_core.link import ReplyError
from taskq_core.meaning import passing, translate
from taskq_core.routing import SlotMap, blocking, joined, redirect, slot_of, slot_of_call, split_read
from taskq_core.topology import topology

SECRET = "s3cret"
SENTINELS = f"redis+sentinel://ops:{SECRET}@a:1,[::1],c/main/3?sentinel_user=w&sentinel_password=p%40{SECRET}"
A, B, C = ("a", 1), ("b", 2), ("c", 3)


def test_a_url_of_sentinels_names_them_the_service_and_how_to_sign_in() -> None:
    found = topology(SENTINELS)

    assert found.seeds == (("a", 1), ("::1", 26379), ("c", 26379))
    assert found.service == "main"
    assert found.server_url(("::1", 5)) == f"redis://ops:{SECRET}@[::1]:5/3"
    assert found.sentinel_url(("a", 1)) == f"redis://w:p%40{SECRET}@a:1"
    assert SECRET not in repr(found)
    assert shown_url(SENTINELS) == "redis+sentinel://a:1,[::1],c/main/3"


def test_a_url_of_a_cluster_names_nodes_and_keeps_its_options() -> None:
    found = topology(f"rediss+cluster://:{SECRET}@a,b:7000?ssl_cert_reqs=none")

    assert found.seeds == (("a", 6379), ("b", 7000))
    assert found.server_url(("n", 9)) == f"rediss://:{SECRET}@n:9?ssl_cert_reqs=none"
    assert shown_url(f"rediss+cluster://:{SECRET}@a,b:7000?password={SECRET}") == "rediss+cluster://a,b:7000"


@pytest.mark.parametrize("make", [Client, AsyncClient])
@pytest.mark.parametrize(
    "url",
    [
        f"redis+sentinel://u:{SECRET}@a:1",
        f"redis+sentinel://u:{SECRET}@a:1/main/x",
        f"redis+sentinel://u:{SECRET}@a:port/main",
        f"redis+sentinel://u:{SECRET}#@a/main",
        f"redis+sentinel://u:{SECRET}/x@a/main",
        f"redis+cluster://u:{SECRET}@a/1",
        f"redis+cluster://u:{SECRET}@a,,b",
        f"redis+cluster://u:{SECRET}@",
        f"redis+cluster://u:{SECRET}@a?nonsense={SECRET}",
        f"unix+cluster://u:{SECRET}@a",
    ],
)
def test_what_names_no_servers_is_refused_without_its_password(url: str, make: type[Client]) -> None:
    with pytest.raises(UsageError) as refused:
        make(url)

    assert SECRET not in str(refused.value) + refused.value.hint + shown_url(url)


@pytest.mark.parametrize("key", ["", "a", "{a}b", "x{a}b", "{}a", "a{", "a{b", "}{a}", "{{a}}", "é{ü}"])
def test_slots_are_those_of_the_servers(key: str) -> None:
    assert slot_of(key) == slot_of(key.encode()) == key_slot(key.encode())


def test_all_keys_of_a_queue_have_one_slot() -> None:
    keys = queue_keys("shop", "emails")
    names = [*keys.streams, keys.jobs, keys.wake, keys.told("w"), keys.result("n1-0"), keys.producer("s")]
    assert {slot_of(name) for name in names} == {slot_of("{shop/emails}")}


def test_a_call_belongs_to_the_slot_of_its_first_key() -> None:
    slot = slot_of("k")
    calls: list[tuple[Any, ...]] = [
        ("EVALSHA", "abc", 2, "k", "k2", 1), ("EVAL", "return 1", 1, "k"), ("HGETALL", "k"),
        ("BLPOP", "k", "1"),
        ("XREAD", "COUNT", 1, "BLOCK", 5, "STREAMS", "k", "0"),
    ]  # fmt: skip
    assert [slot_of_call(words) for words in calls] == [slot] * len(calls)
    assert [slot_of_call(words) for words in [("INFO",), ("WAIT", 1, 5), ("TIME",)]] == [None] * 3


def test_a_read_of_several_slots_is_split_and_joined() -> None:
    read = ("XREAD", "COUNT", 9, "BLOCK", 50, "STREAMS", "{a}1", "{b}1", "{a}2", "0-1", "0-2", "0-3")
    assert split_read(read) == [
        ("XREAD", "COUNT", 9, "BLOCK", 50, "STREAMS", "{a}1", "{a}2", "0-1", "0-3"),
        ("XREAD", "COUNT", 9, "BLOCK", 50, "STREAMS", "{b}1", "0-2"),
    ]
    assert blocking(read, 7)[:6] == ("XREAD", "COUNT", 9, "BLOCK", 7, "STREAMS")
    assert blocking(read, 0)[:4] == ("XREAD", "COUNT", 9, "STREAMS")
    assert joined([None, [["k", 1]], {"l": 2}]) == [["k", 1], ("l", 2)]
    assert joined([None, None]) is None


def test_redirections_are_read_from_either_library() -> None:
    for moved in (ReplyError("MOVED 7 b:2"), rx.MovedError("7 b:2")):
        found = redirect(moved, A)
        assert found is not None
        assert (found.slot, found.node, found.lasting) == (7, B, True)
    for ask in (ReplyError("ASK 7 :2"), rx.AskError("7 :2")):
        found = redirect(ask, A)
        assert found is not None
        assert (found.node, found.lasting) == (("a", 2), False)
    assert redirect(ReplyError("WRONGTYPE x y"), A) is None
    assert redirect(b"MOVED 7 b:2", A) is None


def two_nodes() -> SlotMap:
    return SlotMap([[0, 8191, [b"a", 1, b"id"]], [8192, 16383, [b"", 2, b"id"], [b"r", 9]]], B)


def test_the_map_says_which_node_has_a_slot_and_learns() -> None:
    slots = two_nodes()
    assert [slots.node_of(slot) for slot in (0, 8191, 8192, 16383)] == [A, A, B, B]
    slots.learn(5, C)
    assert (slots.node_of(5), slots.node_of(6)) == (C, A)
    with pytest.raises(ConnectionError, match="slot 9"):
        SlotMap([[10, 20, [b"a", 1]]], A).node_of(9)


def test_calls_keep_their_order_at_each_node_and_follow_what_redirects_them() -> None:
    low = next(f"k{n}" for n in range(99) if slot_of(f"k{n}") < 8192)
    high = next(f"k{n}" for n in range(99) if slot_of(f"k{n}") >= 8192)
    slots, moved = two_nodes(), slot_of(low)
    turn = Round([("GET", low), ("WAIT", 1, 5), ("GET", high), ("PING",), ("SET", low, 1)])

    assert turn.by_node(slots) == {A: [0, 1, 4], B: [2, 3]}
    turn.take(A, [0, 1, 4], [ReplyError(f"MOVED {moved} c:3"), 1, ReplyError(f"ASK {moved} b:2")], slots)
    turn.take(B, [2, 3], ["two", "pong"], slots)
    assert turn.goes_on()
    # what has no key goes again with the call before it
    assert turn.by_node(slots) == {C: [0, 1], B: [4]}
    assert turn.words([4]) == [("ASKING",), ("SET", low, 1)]
    turn.take(C, [0, 1], ["one", 1], slots)
    turn.take(B, [4], ["OK", "set"], slots)
    assert not turn.goes_on()
    assert turn.replies == ["one", 1, "two", "pong", "set"]


@pytest.mark.parametrize(
    "error",
    [
        rx.ClusterDownError("The cluster is down"), rx.TryAgainError("Multiple keys request"),
        ReplyError("CLUSTERDOWN The cluster is down"), ReplyError("TRYAGAIN Multiple keys request"),
    ],
)  # fmt: skip
def test_a_cluster_that_is_not_ready_is_worth_another_try(error: Exception) -> None:
    assert passing(error)
    assert isinstance(translate(error, SENTINELS), ServerUnreachable)
    assert SECRET not in str(translate(error, SENTINELS))
