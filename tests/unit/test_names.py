"""Names, job references and keys: what is accepted, and that names never leave their place in a key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_core import InvalidName, JobRef, check_namespace, check_queue, check_task
from taskq_core.keys import QueueKeys, queue_keys, queues_key
from taskq_core.names import check_job_id, check_unique
from tests.keyspace import LASTING, PASSING

GOOD: list[tuple[Callable[[str], str], list[str]]] = [
    (check_queue, ["a", "0", "emails", "a.b_c-d", "a" * 64]),
    (check_namespace, ["default", "tenant-7"]),
    (check_task, ["a", "_private", "send-email", "Mail.send_1", "A" * 128]),
    (check_job_id, ["n1763951707123-0", "s1-1", "c0-0", "h999999999999999-999999999999999"]),
    (check_unique, ["a", "user:7", "!", "~" * 200]),
]
BAD: list[tuple[Callable[[str], str], list[str]]] = [
    (check_queue, ["", "A", "-a", ".a", "a b", "a/b", "a{b", "é", "a\n", "a\0", "a" * 65, "a:b", "*"]),
    (check_namespace, ["", "Default", "a/b", "a\n", "..", "{a}"]),
    (check_task, ["", "1a", "-a", "@", "a b", "a\n", "a/b", "a:b", "é", "A" * 129]),
    (
        check_job_id,
        ["", "n", "n1", "n1-", "x1-1", "n1-1\n", "1-1", "n-1-1", "n1-1-1", "n1e3-1", "n" + "1" * 16 + "-1"],
    ),
    (check_unique, ["", " ", "a b", "a\n", "é", "a" * 201]),
]


@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in GOOD for name in names])
def test_a_good_name_is_returned(check: Callable[[str], str], name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in BAD for name in names])
def test_a_bad_name_is_refused_with_its_pattern(check: Callable[[str], str], name: str) -> None:
    with pytest.raises(InvalidName) as refused:
        check(name)

    assert refused.value.value == name
    assert refused.value.pattern in refused.value.hint


def test_a_long_bad_name_is_not_repeated_in_full() -> None:
    with pytest.raises(InvalidName) as refused:
        check_queue("X" * 10_000)

    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("text", "queue"),
    [("emails/n1-0", None), (" emails/n1-0\n", None), ("n1-0", "emails"), ("emails/n1-0", "other")],
)
def test_a_reference_is_read_in_full_or_with_its_queue(text: str, queue: str | None) -> None:
    assert JobRef.parse(text, queue) == JobRef("emails", "n1-0")
    assert str(JobRef("emails", "n1-0")) == "emails/n1-0"


@pytest.mark.parametrize("text", ["n1-0", "emails/", "/n1-0", "emails/x", "EMAILS/n1-0", "a/b/n1-0", ""])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        JobRef.parse(text)


@given(st.text(max_size=300))
def test_no_text_makes_a_reference_that_is_written_differently(text: str) -> None:
    try:
        ref = JobRef.parse(text)
    except InvalidName:
        return
    assert str(ref) == text.strip()


def test_all_keys_of_a_queue_are_different_documented_and_in_one_slot() -> None:
    keys = QueueKeys("ns", "q")
    fixed = [
        getattr(keys, name)
        for name in keys.__slots__
        if name not in {"namespace", "queue", "root", "streams"}
    ]
    made = [keys.worker("w"), keys.told("w"), keys.unique("k"), keys.result("n1-0"), keys.producer("p")]
    names = [*fixed, *keys.streams, *made]

    assert len(set(names)) == len(names)
    assert all(name.startswith("taskq:{ns/q}:") for name in names)
    documented = [n for n in names if LASTING.fullmatch(n) or PASSING.fullmatch(n) or n == keys.history]
    assert documented == names


def test_keys_are_made_for_good_names_only() -> None:
    assert queues_key("ns") == "taskq:ns:queues"
    for make in (lambda: queues_key("a}b"), lambda: queue_keys("ns", "q}:x"), lambda: queue_keys("n/s", "q")):
        with pytest.raises(InvalidName):
            make()
