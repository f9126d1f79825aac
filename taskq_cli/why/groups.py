"""What groups of jobs wait for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from taskq_cli.why.facts import Cause, JobFacts, QueueFacts, many
from taskq_core import GroupInfo, GroupState

ADDING: Final = timedelta(minutes=10)
"""So long a group may be filled without a word: its producer may be at it."""
TOLD: Final = 3


def halted(facts: QueueFacts) -> list[GroupInfo]:
    """The groups that do not go on by themselves, the oldest first."""
    found = [group for group in facts.groups if _halts(facts, group)]
    return sorted(found, key=lambda group: (group.created_at or facts.at, group.ref))


def _halts(facts: QueueFacts, group: GroupInfo) -> bool:
    if group.state in (GroupState.FAILED, GroupState.STUCK):
        return True
    aged = group.created_at is not None and facts.at - group.created_at > ADDING
    return aged and bool(group.advice)


def groups_text(groups: list[GroupInfo]) -> str:
    """`Group import-42 does not go on: 1 member died`, with the first of many."""
    told = [(group.ref.id, group.advice.partition(":")[0]) for group in groups[:TOLD]]
    if len(groups) == 1:
        [(name, why)] = told
        return f"Group {name} does not go on: {why}"
    more = f" and {many(len(groups) - TOLD, 'other')}" if len(groups) > TOLD else ""
    said = ", ".join(f"{name} ({why})" for name, why in told)
    return f"{many(len(groups), 'group')} do not go on: {said}{more}"


def groups_todo(groups: list[GroupInfo]) -> str:
    """What helps the first of them."""
    return groups[0].advice.partition(": ")[2]


def queue_groups(facts: QueueFacts) -> Iterator[Cause]:
    """Groups of a queue whose callbacks do not come by themselves."""
    groups = halted(facts)
    if groups:
        fields = {"groups": [str(group.ref) for group in groups[:TOLD]]}
        yield Cause("groups_halted", f"{groups_text(groups)}.", groups_todo(groups), fields)


def waits_for_it(facts: JobFacts) -> Iterator[Cause]:
    """The group that a dead job holds up."""
    group = facts.group
    if group is None or group.state is GroupState.FINISHED:
        return
    what = f"its callback {group.callback} comes once that is done" if group.callback else "it counts as dead"
    yield Cause(
        "group_waits", f"Group {group.ref.id} waits for it: {what}.", "", {"groups": [str(group.ref)]}
    )
