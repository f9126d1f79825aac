"""The later jobs of a chain, as they are written on the command line and in lines of a stream."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import typer

from taskq_cli.durations import line_span
from taskq_cli.sanitize import clean
from taskq_core import JobOptions, NewJob, TaskqError, UsageError, check_task

_EMPTY: Final = msgspec.Raw(b"{}")


class _Link(msgspec.Struct, forbid_unknown_fields=True, rename={"in_": "in"}):
    task: str
    payload: msgspec.Raw = _EMPTY
    priority: str | None = None
    in_: str | float | None = None
    retries: int | None = None
    timeout: str | float | None = None
    keep: str | float | None = None


_decode_links: Final = msgspec.json.Decoder(list[str | _Link]).decode


def links_of(raw: bytes) -> list[NewJob]:
    """The jobs in a JSON array of tasks and objects. Raises: UsageError."""
    try:
        return [_link(each) for each in _decode_links(raw)]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(
            f'"then" holds no jobs ({clean(str(error))})',
            hint='For example: ["resize", {"task": "notify", "payload": {"to": "user@example.com"}}]',
        ) from None
    except ValueError as error:
        raise UsageError(str(error)) from None


def link_option(text: str) -> NewJob:
    """The value of `--then`: the name of a task, or an object. Raises: BadParameter."""
    text = text.strip()
    raw = text.encode() if text.startswith("{") else msgspec.json.encode(text)
    try:
        (link,) = links_of(b"[%b]" % raw)
    except TaskqError as error:
        raise typer.BadParameter(str(error)) from None
    except ValueError:
        raise typer.BadParameter(f"{clean(text)!r} is not one job") from None
    return link


def _link(each: str | _Link) -> NewJob:
    if isinstance(each, str):
        return NewJob(check_task(each), b"{}")
    values: dict[str, Any] = {
        "priority": each.priority,
        "delay": line_span(each.in_),
        "retries": each.retries,
        "timeout": line_span(each.timeout),
        "keep": line_span(each.keep),
    }
    given = {name: value for name, value in values.items() if value is not None}
    return NewJob(check_task(each.task), bytes(each.payload), JobOptions(**given))
