"""What follows from the end of a job: the next link of its chain, and its group that counts it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from taskq_core import config
from taskq_core.claimed import Job
from taskq_core.codec import Link, decode_links, encode_json, encode_links, encode_outcome, encode_result
from taskq_core.commands.grouping import Conclusion, NextLink
from taskq_core.errors import InvalidOption


def concluded(job: Job, result: object, times: str) -> Conclusion:
    """The end of a job that is done. ``times``: the buckets of its times.

    Raises: InvalidOption when the result is to be kept or passed on and is no JSON, or too large;
    InvalidPayload for a chain that is none of ours.
    """
    meta = job.meta
    links = decode_links(meta.next)
    raw = encode_result(result) if meta.keep or links else b""
    return Conclusion(
        "done", job.stream, job.entry, job.id,
        outcome=encode_outcome("done", raw) if meta.keep else b"",
        keep=meta.keep, unique=meta.unique, times=times, group=meta.group,
        link=_next(job, links, raw) if links else None,
    )  # fmt: skip


def cut_short(job: Job) -> Conclusion:
    """The end of a job that was cancelled while it ran: its chain ends with it."""
    meta = job.meta
    return Conclusion(
        "cancelled", job.stream, job.entry, job.id,
        outcome=encode_outcome("cancelled") if meta.keep else b"",
        keep=meta.keep, unique=meta.unique, group=meta.group,
    )  # fmt: skip


def _next(job: Job, links: Sequence[Link], raw: bytes) -> NextLink:
    if len(raw) > config.MAX_PAYLOAD_BYTES:
        raise InvalidOption(
            f"a result of {len(raw)} bytes is more than is passed on: {config.MAX_PAYLOAD_BYTES}",
            hint="Store large data elsewhere and return its address",
        )
    link = links[0]
    meta = msgspec.structs.replace(
        link.meta, group=job.meta.group, next=encode_links(links[1:]), after=job.id, previous=raw.decode()
    )
    stream = link.stream if len(link.stream) > 1 else link.stream + job.stream[1:]
    return NextLink(stream, link.task, encode_json(meta), link.delay, bytes(link.payload))
