"""Groups of jobs: what opens, closes and lists them, and what ends jobs from which something follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from taskq_core import config
from taskq_core.clock import positive_ms
from taskq_core.codec import check_payload, encode_json
from taskq_core.command import Arg, Command, pairs, text
from taskq_core.commands.produce import delay_of_link, meta_of, stream_of
from taskq_core.errors import InvalidOption
from taskq_core.group import GroupInfo, GroupRef, NewGroup, When, read_group
from taskq_core.job import NewJob
from taskq_core.keys import QueueKeys
from taskq_core.names import check_task, valid_group
from taskq_core.scripts import script

PAGE: Final = 200
"""Groups in one call that lists them."""


def open_group(keys: QueueKeys, group: NewGroup) -> Command[str]:
    """Makes a group known. Reply: opened, known or taken. Raises: InvalidOption, InvalidPayload."""
    if group.expected is not None and not 0 <= group.expected <= 1_000_000_000:
        raise InvalidOption(f"a group cannot have {group.expected} members")
    args: list[Arg] = [
        group.id, "" if group.expected is None else group.expected, When.of(group.when),
        encode_callback(group.callback), positive_ms(group.keep, "keep"), config.HISTORY_S,
    ]  # fmt: skip
    names = [keys.group(group.id), keys.groups, keys.stats, keys.history]
    return Command(script("open_group"), names, args, text)


def encode_callback(callback: NewJob | None) -> bytes:
    """A callback as it is stored; empty for none. Raises: InvalidName, InvalidOption, InvalidPayload."""
    if callback is None:
        return b""
    options = callback.options
    if options.unique is not None or options.at is not None:
        raise InvalidOption("a callback has no unique key and no fixed time", hint="delay puts it off")
    if options.group is not None:
        raise InvalidOption("a callback is no member of a group", hint="Open the next group in its handler")
    head = f"{stream_of(options)} {check_task(callback.task)}".encode()
    delay = str(delay_of_link(options)).encode()
    return b"\n".join((head, encode_json(meta_of(options)), delay, check_payload(callback.payload)))


def seal_group(keys: QueueKeys, group: str, *, force: bool = False) -> Command[str]:
    """Closes a group to further members. ``force``: it ends now. Reply: sealed, finished, known or ""."""
    names = [keys.group(group), keys.wake, keys.stats, keys.history]
    args: list[Arg] = [group, "1" if force else "", config.HISTORY_S, config.WAKE_TOKENS]
    return Command(script("seal_group"), names, args, text)


def remove_group(keys: QueueKeys, group: str) -> Command[bool]:
    """Forgets a group. Reply: whether it was there."""
    return Command(script("remove_group"), [keys.group(group), keys.groups], [group], bool)


def list_groups(
    keys: QueueKeys, group: str = "", first: int = 0, count: int = PAGE
) -> Command[list[GroupInfo]]:
    """One group, or a page of those of a queue from a rank on; those with a foreign name are left out."""

    def read(reply: Any) -> list[GroupInfo]:
        rows = [(text(row[0]), pairs(row[1:])) for row in reply]
        found = [read_group(GroupRef(keys.queue, name), row) for name, row in rows if valid_group(name)]
        return [info for info in found if info is not None]

    return Command(script("list_groups"), [keys.groups], [group, first, first + count - 1], read)


@dataclass(frozen=True, slots=True)
class NextLink:
    """The next job of a chain, as it is to be enqueued: the meta JSON holds what comes after it."""

    stream: str
    task: str
    meta: bytes
    delay: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The end of a job from which something follows. ``counter``: done or cancelled."""

    counter: str
    stream: str
    entry: bytes
    id: str
    outcome: bytes = b""
    keep: int = 0
    unique: str = ""
    times: str = ""
    group: str = ""
    link: NextLink | None = None


def conclude(keys: QueueKeys, worker: str, ends: Sequence[Conclusion]) -> Command[int]:
    """Ends jobs with all that follows. Reply: how many, or -1 when the lease is gone and nothing was done."""
    names = [
        *keys.streams, keys.leases, keys.stats, keys.history, keys.moved, keys.tail, keys.events, keys.jobs,
        keys.due, keys.meta, keys.wake,
    ]  # fmt: skip
    args: list[Arg] = [worker, config.HISTORY_S, config.WAKE_TOKENS]
    for end in ends:
        names += (keys.result(end.id), keys.unique(end.unique or "-", end.id))
        args += (end.counter, end.stream, end.entry, end.id, end.outcome, end.keep)
        args += ("1" if end.unique else "", end.times, end.group)
        link = end.link
        args += ("", "", "", "", "") if link is None else (
            link.stream, link.task, link.meta, link.delay, link.payload,
        )  # fmt: skip
    return Command(script("conclude"), names, args, int)
