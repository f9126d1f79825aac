"""Changing what queues have under names, groups and schedules: what was done to each, on stdout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.views import Record, View
from taskq_core import Client, GroupRef, NotFound, ScheduleRef

R = TypeVar("R", GroupRef, ScheduleRef)


@dataclass(frozen=True, slots=True)
class Verb(Generic[R]):
    """A verb; ``done`` and ``already`` as in `images/import-42 was sealed already`.

    Where there is no ``already``, what it changes nothing of is not there. ``asks``: the question before it,
    with `{}` for what is meant; ``would``: its word for people, where that is another one.
    """

    name: str
    call: Callable[[Client, R], bool]
    done: str
    already: str = ""
    asks: str = ""
    would: str = ""


def change_view(kind: str) -> View:
    """The view of what verbs do to groups, or to schedules."""
    return View(
        schema=_schema(kind),
        fields=("schema", "id", "queue", "name", "verb", "changed", "state"),
        columns=("id", "verb", "state"),
        line=lambda record: f"{clean(record['id'])} {record['state']}",
    )


def change_record(kind: str, ref: GroupRef | ScheduleRef, verb: str, state: str, *, changed: bool) -> Record:
    """What a verb did, as a record of `change_view`; ``state`` as in `images/import-42 sealed`."""
    return {
        "schema": _schema(kind),
        "id": str(ref),
        "queue": ref.queue,
        "name": ref.id if isinstance(ref, GroupRef) else ref.name,
        "verb": verb,
        "changed": changed,
        "state": state,
    }


def _schema(kind: str) -> str:
    return f"taskq.{kind}-change/1"


def change_each(session: Session, kind: str, refs: Sequence[R], verb: Verb[R], *, dry_run: bool) -> None:
    """Changes them and writes what was done, or says what would be. Raises: ReadOnly, Refused, NotFound."""
    session.may_change()
    listed = ", ".join(map(str, refs))
    if dry_run:
        session.narrate(f"would {verb.would or verb.name} {listed}; nothing was changed")
        return
    if verb.asks:
        session.confirm(verb.asks.format(listed))
    missing = []
    for ref in refs:
        changed = verb.call(session.client, ref)
        if changed or verb.already:
            state = verb.done if changed else verb.already
            session.output.write(change_record(kind, ref, verb.name, state, changed=changed))
        else:
            missing.append(ref)
    if missing:
        raise NotFound(f"no {kind} {missing[0]}", hint=f"`taskq {kind} ls` lists them")
