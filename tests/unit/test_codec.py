"""Payloads in, records out: what is JSON, what is refused, and that hostile bytes come out as text."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_core import Failure, InvalidOption, InvalidPayload, check_payload
from taskq_core.codec import (
    PLAIN,
    Meta,
    decode_failure,
    decode_meta,
    decode_payload,
    decode_record,
    encode_failure,
    encode_meta,
    encode_outcome,
    encode_record,
    encode_result,
)
from taskq_core.config import MAX_ERROR_BYTES, MAX_JSON_DEPTH, MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)


@dataclass
class Point:
    x: float


def nested(depth: int) -> dict[str, Any]:
    """An object with that many levels of nesting."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"v": value}


@given(OBJECTS)
def test_an_object_comes_back_as_it_was_sent(value: dict[str, Any]) -> None:
    assert decode_payload(check_payload(value)) == value
    text = json.dumps(value)
    assert decode_payload(check_payload(text)) == decode_payload(check_payload(text.encode())) == value


@pytest.mark.parametrize("mapping", [MappingProxyType({"a": 1}), OrderedDict(a=1)])
def test_any_mapping_is_an_object(mapping: Any) -> None:
    assert check_payload(mapping) == b'{"a":1}'


def test_json_text_is_sent_as_it_stands_without_the_blanks_around_it() -> None:
    assert check_payload(' \n{"a": 1, "b":"\\u00e9"}\n') == b'{"a": 1, "b":"\\u00e9"}'
    assert check_payload('{"a":"é"}') == '{"a":"é"}'.encode()


CIRCLE: dict[str, Any] = {}
CIRCLE["a"] = CIRCLE
REFUSED: dict[str, Any] = {
    "nothing": b"",
    "no json": b"hello",
    "half an object": '{"a":',
    "two objects": '{"a":1}{"a":2}',
    "a list": "[1]",
    "a string": '"a"',
    "null": "null",
    "a number": "7",
    "NaN in text": '{"a":NaN}',
    "infinity in text": '{"a":-Infinity}',
    "a number too large": '{"a":1e400}',
    "5,000 digits": '{"a":%s}' % ("1" * 5000),
    "no utf-8": b'{"a":"\xff"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "a lone surrogate": '{"a":"\ud800"}',
    "an escaped lone surrogate": '{"a":"\\ud800"}',
    "a surrogate in a mapping": {"a": "\ud800"},
    "a surrogate as a key": {"\ud800": 1},
    "NaN": {"a": math.nan},
    "infinity": {"a": [None, {"b": (1, -math.inf)}]},
    "NaN as a key": {math.nan: 1},
    "NaN in a dataclass": {"a": Point(math.nan)},
    "a bare object": {"a": object()},
    "a circle": CIRCLE,
    "a list of pairs that is no mapping": 7,
    "a depth bomb": b'{"a":' + b"[" * 100_000,
    "a closed depth bomb": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
}


@pytest.mark.parametrize("payload", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_json_object_is_refused(payload: Any) -> None:
    with pytest.raises(InvalidPayload) as refused:
        check_payload(payload)

    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_depth_is_limited_and_only_real_depth_counts(form: Any) -> None:
    deepest = nested(MAX_JSON_DEPTH)
    wide = {"v": [[] for _ in range(500)], "text": "[[[[{{{{" * 100}
    for accepted in (deepest, wide):
        assert decode_payload(check_payload(form(accepted))) == accepted
    with pytest.raises(InvalidPayload, match="deeper than 64"):
        check_payload(form(nested(MAX_JSON_DEPTH + 1)))


@pytest.mark.parametrize("form", [dict, json.dumps, lambda value: json.dumps(value).encode()])
def test_size_is_limited_to_the_byte(form: Any) -> None:
    frame = len(check_payload(form({"x": ""})))
    fits = {"x": "a" * (MAX_PAYLOAD_BYTES - frame)}

    assert len(check_payload(form(fits))) == MAX_PAYLOAD_BYTES
    with pytest.raises(InvalidPayload, match=str(MAX_PAYLOAD_BYTES)):
        check_payload(form({"x": fits["x"] + "a"}))
    with pytest.raises(InvalidPayload, match="limit of 10"):
        check_payload(form({"x": "aaaaaa"}), 10)


# -- what travels beside --------------------------------------------------------------------------

METAS = st.builds(
    Meta,
    attempts=st.integers(0, 10**6),
    granted=st.integers(0, 10**6),
    id=st.sampled_from(["", "n1-0", "s17-3"]),
    retries=st.none() | st.integers(0, 1000),
    timeout=st.integers(0, 10**10),
    unique=st.sampled_from(["", "a:b"]),
    keep=st.integers(0, 10**10),
    backoff=st.none() | st.tuples(st.integers(1, 10**9), st.floats(1, 100), st.integers(1, 10**9)),
)


@given(METAS)
def test_options_come_back_as_they_were_sent(meta: Meta) -> None:
    assert decode_meta(encode_meta(meta)) == meta
    assert (encode_meta(meta) == b"") is (meta == PLAIN)


@pytest.mark.parametrize(
    "raw",
    [
        b"rubbish", b"[]", b"null", b"{", b'{"i":"../x"}', b'{"i":"n1-0\\n"}', b'{"i":"*"}', b'{"i":7}',
        b'{"u":"a b"}',
        b'{"u":"' + b"a" * 201 + b'"}', b'{"a":-1}', b'{"a":1e3}', b'{"a":99999999999999999999}',
        b'{"k":-1}', b'{"t":-1}',
        b'{"k":99999999999999999}', b'{"b":[1000,1e300,1000]}', b'{"b":[1,0,1]}', b'{"b":[-1,2,1]}',
        b'{"b":[1,2]}',
        b'{"r":-1}', b'{"i":"\\ud800"}', b'{"x":' + b"[" * 100_000, b"\xff",
    ],
    ids=repr,
)  # fmt: skip
def test_hostile_options_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidPayload):
        decode_meta(raw)


@given(st.binary(max_size=200))
def test_no_bytes_make_options_raise_anything_else(raw: bytes) -> None:
    try:
        decode_meta(raw)
    except InvalidPayload:
        return


# -- records ----------------------------------------------------------------------------------------


@given(METAS, st.binary(max_size=100), st.sampled_from("chnl"), st.none() | st.text(max_size=50))
def test_a_record_comes_back_as_it_was_stored(
    meta: Meta, payload: bytes, level: str, error: str | None
) -> None:
    failure = Failure("E", "", error) if error is not None else None
    raw = encode_record(level.encode(), b"task", meta, encode_failure(failure) if failure else b"", payload)

    record = decode_record(raw)

    assert (record.level, record.task, record.meta, record.payload) == (level, "task", meta, payload)
    assert record.error == (None if failure is None else decode_failure(encode_failure(failure)))


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read_as_a_record(raw: bytes) -> None:
    record = decode_record(raw)

    assert record.payload in (raw, raw.split(b"\n", 3)[-1])


def test_a_foreign_task_name_cannot_break_a_record() -> None:
    record = decode_record(encode_record(b"n", b"a b\n{}\n", PLAIN, b"", b"{}"))

    assert (record.task, record.payload, record.error) == ("a_b_{}_", b"{}", None)


# -- failures and results ------------------------------------------------------------------------------


def test_errors_are_kept_up_to_their_limit_the_end_of_a_traceback_first() -> None:
    long = Failure("T" * 999, "m" * 99_999, "a" * 99_999 + "the end")

    kept = decode_failure(encode_failure(long))

    assert kept is not None
    assert len(kept.type) == 200
    assert kept.message == "m" * MAX_ERROR_BYTES
    assert len(kept.traceback) == MAX_ERROR_BYTES
    assert kept.traceback.endswith("the end")


@given(st.text(st.characters(), max_size=50))
def test_any_text_of_an_error_can_be_stored(text: str) -> None:
    assert decode_failure(encode_failure(Failure(text, text, text))) is not None


@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b'{"type":1}', b"[" * 100_000])
def test_a_failure_that_cannot_be_read_is_none(raw: bytes) -> None:
    assert decode_failure(raw) is None


@pytest.mark.parametrize("value", [object(), "a" * MAX_RESULT_BYTES, "\ud800", {"a": {1j}}])
def test_a_result_that_is_no_json_or_too_large_is_refused(value: object) -> None:
    with pytest.raises(InvalidOption):
        encode_result(value)


def test_an_outcome_is_json() -> None:
    assert json.loads(encode_outcome("done", encode_result([1]))) == {
        "state": "done",
        "result": [1],
        "error": None,
    }
    assert json.loads(encode_outcome("cancelled")) == {"state": "cancelled", "result": None, "error": None}
