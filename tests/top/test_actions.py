from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_cli.top.actions import (
    BURY,
    CANCEL,
    DELETE,
    RETRY,
    JobVerb,
    Plan,
    plan_jobs,
    plan_pause,
    plan_purge,
)
from taskq_cli.top.group_actions import GroupPlanner, draft_of, edited
from taskq_cli.top.widgets.confirm import question
from taskq_core import (
    InvalidName,
    InvalidPayload,
    JobOptions,
    JobRef,
    Priority,
    State,
    UsageError,
    merge_groups,
)
from tests.top.live_view import Filled
from tests.waiting import wait_until

ALL = (State.READY, State.SCHEDULED, State.DEAD)


def group(filled: Filled, task: str) -> str:
    """The fingerprint of the dead jobs of a task."""
    page = filled.client.group_failures("mail", State.DEAD)
    return next(found.fingerprint for found in merge_groups(page.groups).values() if found.task == task)


# -- single jobs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        (RETRY, {State.SCHEDULED, State.DEAD}),
        (CANCEL, {State.READY, State.SCHEDULED}),
        (BURY, {State.SCHEDULED}),
        (DELETE, {State.DEAD}),
    ],
    ids=lambda value: value.name if isinstance(value, JobVerb) else "",
)
def test_a_verb_is_planned_for_the_jobs_whose_state_allows_it(
    filled: Filled, verb: JobVerb, states: set[State]
) -> None:
    every = [ref for state in ALL for ref in filled.refs(state)]
    wanted = {str(ref) for state in states for ref in filled.refs(state)}

    plan = plan_jobs(filled.client, verb, every)

    assert plan.targets == wanted
    assert f"{len(wanted)} jobs of mail" in plan.title
    assert f"{len(every) - len(wanted)} others are left out: {verb.instead}" in plan.warning
    assert set(plan.sample) <= wanted


def test_what_was_planned_is_done_and_nothing_else(filled: Filled) -> None:
    dead = filled.refs(State.DEAD)
    before = filled.everything()

    told = plan_jobs(filled.client, RETRY, dead[:2]).run(filled.client)

    after = filled.everything()
    assert told == "2 retried"
    assert after["mail dead"] == [ref.id for ref in dead[2:]]
    assert len(after["mail ready"]) == len(before["mail ready"]) + 2
    assert {k: v for k, v in after.items() if k not in ("mail dead", "mail ready")} == {
        k: v for k, v in before.items() if k not in ("mail dead", "mail ready")
    }


def test_a_plan_differs_once_one_of_its_jobs_has_gone(filled: Filled) -> None:
    dead = filled.refs(State.DEAD)
    first = plan_jobs(filled.client, DELETE, dead)
    assert plan_jobs(filled.client, DELETE, dead).same_as(first)

    _ = filled.client.retry("mail", [dead[0].id])

    assert not plan_jobs(filled.client, DELETE, dead).same_as(first)


def test_jobs_that_go_between_the_last_look_and_the_change_are_counted(filled: Filled) -> None:
    dead = filled.refs(State.DEAD)
    plan = plan_jobs(filled.client, RETRY, dead)
    _ = filled.client.delete("mail", [dead[0].id])

    assert plan.run(filled.client) == f"{len(dead) - 1} retried, 1 were no longer there to retry"


def test_nothing_to_do_says_what_can_be_done_instead(filled: Filled) -> None:
    with pytest.raises(UsageError, match="only dead jobs can be deleted; K cancels others"):
        plan_jobs(filled.client, DELETE, filled.refs(State.READY))
    with pytest.raises(UsageError, match="no job to retry"):
        plan_jobs(filled.client, RETRY, [])
    with pytest.raises(UsageError, match="nothing to retry"):
        plan_jobs(filled.client, RETRY, [JobRef("mail", "n1-0")])


# -- groups ----------------------------------------------------------------------------------------


def test_a_group_is_all_dead_jobs_of_one_cause_in_all_queues(filled: Filled) -> None:
    name = group(filled, "send-email")
    plan = GroupPlanner(RETRY, [name], ["mail", "news"])(filled.client)

    assert plan.count == 5
    assert plan.command == f"taskq retry --group {name} --yes"
    assert plan.run(filled.client) == "5 retried"
    assert len(filled.ids(State.DEAD)) == 2
    assert filled.ids(State.DEAD, "news") == []


def test_several_groups_are_one_plan(filled: Filled) -> None:
    names = [group(filled, task) for task in ("send-email", "make-title")]

    plan = GroupPlanner(DELETE, names, ["mail"])(filled.client)

    assert plan.targets == {str(ref) for ref in filled.refs(State.DEAD)}
    assert plan.command == " && ".join(f"taskq delete --group {name} --yes" for name in names)


def test_jobs_that_die_while_one_reads_the_question_are_not_part_of_it(filled: Filled) -> None:
    scheduled = [
        job.ref for job in filled.client.list_jobs("mail", State.SCHEDULED).jobs if job.error is not None
    ]
    _ = filled.client.bury("mail", [scheduled[0].id])
    name = group(filled, "later")
    died = filled.client.time()
    wait_until(lambda: filled.client.time() > died)
    planner = GroupPlanner(DELETE, [name], ["mail"])
    first = planner(filled.client)

    _ = filled.client.bury("mail", [ref.id for ref in scheduled[1:]])

    again = planner(filled.client)
    assert again.same_as(first)
    assert again.count == 1
    assert again.run(filled.client) == "1 deleted"
    assert {ref.id for ref in scheduled[1:]} <= set(filled.ids(State.DEAD))


def test_a_group_of_which_a_job_has_gone_is_another_plan(filled: Filled) -> None:
    planner = GroupPlanner(DELETE, [group(filled, "make-title")], ["mail"])
    first = planner(filled.client)

    _ = filled.client.delete("mail", [JobRef.parse(first.sample[0]).id])

    assert not planner(filled.client).same_as(first)


def test_burying_a_group_takes_the_jobs_that_would_be_tried_again(filled: Filled) -> None:
    [failed, *_] = [job for job in filled.client.list_jobs("mail", State.SCHEDULED).jobs if job.error]
    assert failed.error is not None
    plan = GroupPlanner(BURY, [failed.error.fingerprint], ["mail"])(filled.client)

    assert plan.run(filled.client) == "3 buried"
    assert len(filled.ids(State.SCHEDULED)) == 2
    assert len(filled.ids(State.DEAD)) == 9


def test_a_group_without_such_jobs_is_an_error(filled: Filled) -> None:
    with pytest.raises(UsageError, match="no scheduled job in this group to bury"):
        GroupPlanner(BURY, [group(filled, "make-title")], ["mail"])(filled.client)


# -- queues ----------------------------------------------------------------------------------------


def test_pause_becomes_resume_once_all_are_held(filled: Filled) -> None:
    client = filled.client
    first = plan_pause(client, ["mail", "news"])
    assert first.title == "Pause mail, news"
    assert first.run(client) == "mail, news paused"

    second = plan_pause(client, ["mail", "news"])
    assert not second.same_as(first)
    assert second.run(client) == "mail, news resumed"

    client.drain("mail")
    assert plan_pause(client, ["mail"]).title == "Resume mail"
    with pytest.raises(UsageError):
        plan_pause(client, [])


def test_a_purge_wants_the_name_and_takes_no_more_than_it_counted(filled: Filled) -> None:
    client = filled.client
    plan = plan_purge(client, "mail", State.READY)
    assert (plan.typed, plan.count) == ("mail", 3)
    assert plan.title == "Purge all 3 ready jobs of mail"
    assert set(plan.sample) == {str(ref) for ref in filled.refs(State.READY)}
    later = client.enqueue("mail", "send-email", {"n": 9})

    assert plan.run(client) == "3 ready jobs of mail purged"

    assert filled.ids(State.READY) == [later.id]


@pytest.mark.parametrize("state", [State.SCHEDULED, State.DEAD])
def test_a_purge_removes_one_state_and_no_other(filled: Filled, state: State) -> None:
    before = filled.everything()

    _ = plan_purge(filled.client, "mail", state).run(filled.client)

    after = filled.everything()
    assert after.pop(f"mail {state}") == []
    assert after == {name: ids for name, ids in before.items() if name != f"mail {state}"}


def test_running_jobs_cannot_be_purged_and_an_empty_state_is_said(filled: Filled) -> None:
    with pytest.raises(UsageError, match="cannot purge running jobs"):
        plan_purge(filled.client, "mail", State.RUNNING)
    with pytest.raises(UsageError, match="no scheduled job in news"):
        plan_purge(filled.client, "news", State.SCHEDULED)


# -- new jobs --------------------------------------------------------------------------------------


def test_a_line_is_read_as_by_the_command(filled: Filled) -> None:
    draft = draft_of("send-email to=user@example.com 'subject=Hello there' n:=3", "mail")
    plan = draft.plan(filled.client)

    assert plan.command == "taskq enqueue send-email to=user@example.com 'subject=Hello there' n:=3 -q mail"
    told = plan.run(filled.client)

    job = filled.client.inspect(JobRef.parse(told.removeprefix("enqueued ")))
    assert job.task == "send-email"
    assert job.payload == b'{"to":"user@example.com","subject":"Hello there","n":3}'


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", UsageError),
        ("'open", UsageError),
        ("5", InvalidName),
        ("send-email to", InvalidPayload),
        ("send-email n:=oops", InvalidPayload),
    ],
)
def test_a_line_that_is_no_job_is_refused(line: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        draft_of(line, "mail")


def test_an_edited_job_keeps_what_was_asked_of_the_first(filled: Filled) -> None:
    client = filled.client
    options = JobOptions(priority=Priority.HIGH, retries=2, timeout=timedelta(seconds=9), unique="one")
    first = client.enqueue("mail", "send-email", {"n": 1}, options)
    job = client.inspect(first.ref)

    plan = edited(job, '{ "n": 2,\n "m": 1 }').plan(client)
    assert f"{first} stays as it is" in plan.warning
    # the first still holds the key
    assert plan.run(client) == f"nothing was enqueued: {first} holds the key one"
    _ = client.cancel("mail", [first.id])
    told = plan.run(client)

    again = client.inspect(JobRef.parse(told.removeprefix("enqueued ")))
    assert again.payload == b'{"n":2,"m":1}'
    assert (again.priority, again.retries, again.timeout, again.unique) == (
        Priority.HIGH, 2, timedelta(seconds=9), "one",
    )  # fmt: skip
    with pytest.raises(InvalidPayload):
        edited(job, "[1]")


# -- the question ----------------------------------------------------------------------------------


def words(plan: Plan, *, width: int = 96, height: int = 99) -> list[str]:
    """The lines of the question."""
    return ["".join(text for text, _ in line) for line in question(plan, width=width, height=height)]


def plan_of(count: int, typed: str = "", warning: str = "") -> Plan:
    names = [f"mail/n{n}-0" for n in range(count)]
    sample = tuple(names[:5]) if count > 1 else ()
    return Plan(
        f"Retry {count} jobs of mail", "taskq retry …", frozenset(names), sample, lambda _: "", typed, warning
    )


def test_the_question_names_count_and_sample() -> None:
    assert words(plan_of(12)) == [
        "Retry 12 jobs of mail?",
        *(f"  mail/n{n}-0" for n in range(5)),
        "  and 7 more",
        "taskq retry …",
        "y yes   N no (enter, esc)",
    ]
    assert "more" not in "".join(words(plan_of(1)))


def test_in_a_low_window_the_sample_gives_way_to_the_answer() -> None:
    lines = words(plan_of(12, typed="mail", warning="They are gone for good."), height=8, width=40)

    assert len(lines) <= 8
    assert lines[-1] == "type mail and press enter; esc leaves all as it is"
    assert any("more" in line for line in lines)


def test_long_lines_of_the_question_are_broken_not_cut() -> None:
    warning = "word " * 40

    lines = words(plan_of(1, warning=warning), width=40)

    assert " ".join(lines).count("word") == 40
    assert all(len(line) <= 40 for line in lines)
