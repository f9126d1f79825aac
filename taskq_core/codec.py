"""JSON in and out: payloads, what travels beside them, records, failures, results.

Only JSON is read from the server, and only into plain values: nothing it holds is ever executed,
imported or unpickled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from taskq_core import config
from taskq_core.clock import MAX_SPAN_MS
from taskq_core.errors import InvalidName, InvalidOption, InvalidPayload
from taskq_core.job import Failure
from taskq_core.names import (
    check_concurrency,
    check_group,
    check_job_id,
    check_schedule,
    check_task,
    check_unique,
)

encode_json = msgspec.json.encode
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_decode_value: Final = msgspec.json.Decoder().decode


# bounded, because anybody may have written them: each ends up in a calculation or a Redis command
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Span = Annotated[int, msgspec.Meta(ge=0, le=MAX_SPAN_MS)]
_Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000)]
_Factor = Annotated[float, msgspec.Meta(ge=1.0, le=100.0)]


class Meta(msgspec.Struct, omit_defaults=True, frozen=True, gc=False, rename={
    "attempts": "a", "granted": "g", "id": "i", "retries": "r", "backoff": "b", "timeout": "t",
    "unique": "u", "keep": "k", "schedule": "s", "due": "d", "group": "G", "completes": "C", "next": "n",
    "after": "f", "previous": "v", "debounce": "w", "throttle": "h",
    "concurrency": "q",
}):  # fmt: skip
    """What is not default about a job: the JSON in its second stream field, ``@``.

    ``attempts`` made so far; ``granted``: attempts before the last `retry` by hand, not counted
    against ``retries``; ``id`` when it is not the entry's own; ``timeout`` and ``keep`` in ms. ``schedule``
    made the job for ``due``, in ms since 1970.

    ``group`` it is a member of; ``completes``: the group whose callback it is; ``next``: the rest of its
    chain, as `encode_links` makes it; ``after``: the job before it in its chain, whose result ``previous``
    holds, as JSON text. What is nested is text, so a script that looks for a field finds none of another job.
    ``debounce``: how long no other call may come, and how long it waits at most, ms; ``throttle``: how long
    its key is held, ms. ``concurrency``: the key of which only so many jobs run at a time.
    """

    attempts: _Count = 0
    granted: _Count = 0
    id: str = ""
    retries: _Count | None = None
    backoff: tuple[_Span, _Factor, _Span] | None = None
    timeout: _Span = 0
    unique: str = ""
    keep: _Span = 0
    schedule: str = ""
    due: _Instant | None = None
    group: str = ""
    completes: str = ""
    next: str = ""
    after: str = ""
    previous: str = ""
    debounce: tuple[_Span, _Span] | None = None
    throttle: _Span = 0
    concurrency: str = ""


PLAIN: Final = Meta()
_decode_meta: Final = msgspec.json.Decoder(Meta).decode


def encode_meta(meta: Meta) -> bytes:
    """JSON, or nothing at all when everything is default."""
    return b"" if meta == PLAIN else encode_json(meta)


def decode_meta(raw: bytes) -> Meta:
    """Raises: InvalidPayload when it is not ours."""
    try:
        meta = _decode_meta(raw) if raw else PLAIN
        # both become parts of key names and log lines, and anybody may have written them
        if meta.id:
            check_job_id(meta.id)
        if meta.unique:
            check_unique(meta.unique)
        if meta.concurrency:
            check_concurrency(meta.concurrency)
        if meta.schedule:
            check_schedule(meta.schedule)
        if meta.group or meta.completes or meta.after:
            _check_following(meta)
    except (msgspec.MsgspecError, RecursionError, InvalidName) as error:
        raise InvalidPayload(f"malformed job fields: {error}") from error
    return meta


def _check_following(meta: Meta) -> None:
    if meta.group:
        check_group(meta.group)
    if meta.completes:
        check_group(meta.completes)
    if meta.after:
        check_job_id(meta.after)


class Link(msgspec.Struct, omit_defaults=True, frozen=True, gc=False, rename={
    "task": "T", "payload": "p", "stream": "l", "delay": "d", "meta": "m",
}):  # fmt: skip
    """A later job of a chain, as it travels in the one before; ``stream`` without a tenant: the same."""

    task: str
    payload: msgspec.Raw
    stream: Annotated[str, msgspec.Meta(pattern=r"^[chnl](@[a-z0-9][a-z0-9._-]{0,63})?\Z")] = "n"
    delay: _Span = 0
    meta: Meta = PLAIN


_decode_links: Final = msgspec.json.Decoder(list[Link]).decode


def encode_links(links: Sequence[Link]) -> str:
    """The rest of a chain as JSON text: so nothing in it passes for a field of the job that it travels in."""
    return encode_json(links).decode() if links else ""


def decode_links(chain: str) -> list[Link]:
    """The rest of a chain. Raises: InvalidPayload when it is not ours."""
    try:
        links = _decode_links(chain) if chain else []
        for link in links:
            check_task(link.task)
    except (msgspec.MsgspecError, RecursionError, InvalidName) as error:
        raise InvalidPayload(f"malformed chain: {error}") from error
    return links


# -- payloads -------------------------------------------------------------------------------


def check_payload(payload: Mapping[str, Any] | bytes | str, limit: int = config.MAX_PAYLOAD_BYTES) -> bytes:
    """The payload as UTF-8 JSON text of an object. Raises: InvalidPayload."""
    if isinstance(payload, (bytes, str)):
        raw = payload.strip().encode(errors="surrogatepass") if isinstance(payload, str) else payload.strip()
    else:
        raw = encode_object(payload)
    if len(raw) > limit:
        raise InvalidPayload(
            f"{len(raw)} bytes are more than the limit of {limit}",
            hint="Store large data elsewhere and send its address",
        )
    if isinstance(payload, (bytes, str)):
        value: Mapping[str, Any] = decode_payload(raw)
    elif _may_be_deep(raw):
        value = payload
    else:
        return raw
    if _may_be_deep(raw) and _depth(value) > config.MAX_JSON_DEPTH:
        raise InvalidPayload(f"nested deeper than {config.MAX_JSON_DEPTH} levels")
    return raw


def check_payloads(
    payloads: Sequence[Mapping[str, Any] | bytes | str], limit: int = config.MAX_PAYLOAD_BYTES
) -> list[bytes]:
    """As `check_payload` for each. Raises: InvalidPayload, for the first one that is wrong.

    What is suspicious is looked for in all of them at once, which costs a tenth of a look at each.
    """
    try:
        raws = [encode_json(payload) for payload in payloads if type(payload) is dict]
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        raws = []
    joined = b"".join(raws)
    nested = joined.count(b"{") + joined.count(b"[") - len(raws)
    if (
        len(raws) < len(payloads)
        or nested >= config.MAX_JSON_DEPTH
        or max(map(len, raws), default=0) > limit
        or _may_hold_nan(joined)
    ):
        return [check_payload(payload, limit) for payload in payloads]
    return raws


def decode_payload(raw: bytes) -> dict[str, Any]:
    """The payload as a dict. Raises: InvalidPayload."""
    try:
        return _decode_object(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidPayload(
            f"not a JSON object ({error})", hint='A payload looks like {"to": "user@example.com"}'
        ) from error


def decode_json(text: str) -> Any:
    """Any JSON value. Raises: InvalidPayload."""
    try:
        return _decode_value(text)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidPayload(f"not JSON ({error})") from error


def encode_object(payload: Mapping[str, Any]) -> bytes:
    """A mapping as JSON. Raises: InvalidPayload."""
    try:
        raw = encode_json(payload if isinstance(payload, dict) else dict(payload))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidPayload(f"not JSON ({str(error) or type(error).__name__})") from error
    # the encoder writes NaN as null and makes keys text: look closer only where that may have happened
    if _may_hold_nan(raw) and _has_nan(msgspec.to_builtins(payload, str_keys=False), 0):
        raise InvalidPayload("NaN and infinite numbers are not JSON")
    return raw


_NAN_TRACES: Final = (b"null", b'"nan', b'"inf', b'"-inf')


def _may_hold_nan(raw: bytes) -> bool:
    return any(trace in raw for trace in _NAN_TRACES)


def _may_be_deep(raw: bytes) -> bool:
    return raw.count(b"{") + raw.count(b"[") > config.MAX_JSON_DEPTH


def _depth(value: object) -> int:
    """Levels of nesting, found without recursion."""
    depth, layer = 0, [value]
    while layer:
        depth += 1
        layer = [
            child for node in layer for child in _children(node) if isinstance(child, (Mapping, list, tuple))
        ]
    return depth


def _children(node: object) -> list[Any]:
    if isinstance(node, Mapping):
        return [*node.values(), *(key for key in node if not isinstance(key, str))]
    return list(node) if isinstance(node, (list, tuple, set, frozenset)) else []


def _has_nan(value: object, depth: int) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return depth <= config.MAX_JSON_DEPTH and any(_has_nan(child, depth + 1) for child in _children(value))


# -- records of jobs outside a stream ---------------------------------------------------------


class Record(msgspec.Struct, frozen=True):
    """A job that waits for a time or is dead. Stored as four lines: level and task, meta, error, payload."""

    level: str
    task: str
    meta: Meta
    error: Failure | None
    payload: bytes


def encode_record(level: bytes, task: bytes, meta: Meta, error: bytes, payload: bytes) -> bytes:
    """The record as stored. The payload comes last, so that it may hold anything."""
    task = task.replace(b"\n", b"_").replace(b" ", b"_")  # a foreign entry may be named anything
    return b"%b %b\n%b\n%b\n%b" % (level, task, encode_json(meta), error, payload)


def decode_record(raw: bytes) -> Record:
    """Reads a record, and whatever else lies there as well as it can: it may have been put by hand."""
    parts = raw.split(b"\n", 3)
    head = parts[0].split(b" ", 1)
    if len(parts) < 4 or len(head) < 2:
        return Record("n", "_malformed", PLAIN, Failure("Malformed", "not a record of this queue"), raw)
    try:
        meta = decode_meta(parts[1])
    except InvalidPayload:
        meta = PLAIN
    return Record(
        head[0].decode(errors="replace"), head[1].decode(errors="replace"), meta,
        decode_failure(parts[2]), parts[3],
    )  # fmt: skip


# -- failures and results -----------------------------------------------------------------------

_decode_failure: Final = msgspec.json.Decoder(Failure).decode


def encode_failure(failure: Failure) -> bytes:
    """JSON, with each text cut to its limit: the head of a message, the tail of a traceback."""
    limit = config.MAX_ERROR_BYTES
    # the fingerprint first: the server groups by it, and finds it without reading on
    return encode_json(
        {
            "fingerprint": failure.fingerprint,
            "type": _clean(failure.type)[:200],
            "message": _clean(failure.message)[:limit],
            "traceback": _clean(failure.traceback)[-limit:],
        }
    )


def decode_failure(raw: bytes) -> Failure | None:
    """None when there is none, or when it cannot be read."""
    try:
        return _decode_failure(raw) if raw else None
    except (msgspec.MsgspecError, RecursionError):
        return None


def encode_result(value: object) -> bytes:
    """A handler's result as JSON. Raises: InvalidOption when it is none, or too large."""
    try:
        raw = encode_json(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidOption(f"the result of a job with keep must be JSON: {error}") from error
    if len(raw) > config.MAX_RESULT_BYTES:
        raise InvalidOption(f"a result of {len(raw)} bytes is over the limit of {config.MAX_RESULT_BYTES}")
    return raw


def encode_outcome(state: str, result: bytes = b"null", error: bytes = b"null") -> bytes:
    """What is kept of a job that asked for it, as JSON."""
    return b'{"state":"%b","result":%b,"error":%b}' % (state.encode(), result, error or b"null")


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates are replaced."""
    return text.encode(errors="replace").decode()
