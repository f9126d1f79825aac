"""The line that a job stands in where tenants take turns: what cannot be waited for on a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from taskq_cli.why.facts import JobFacts, QueueFacts
from taskq_cli.why.jobs import job_causes
from taskq_cli.why.line import line_of
from taskq_core import JobRef, Priority, Rate, State, TenantInfo, TenantLimits
from tests.unit.test_why import job, place, queue, worker

ACME = replace(job(State.READY), ref=JobRef("q", "n1-0@acme"))


def with_tenants(facts: QueueFacts, count: int) -> QueueFacts:
    return replace(facts, snapshot=replace(facts.snapshot, tenants=count))


def tenant(name: str, level: Priority, ready: int, **limits: Any) -> TenantInfo:
    return TenantInfo("q", name, TenantLimits(**limits), {level: ready})


def test_tenants_that_were_not_looked_at_and_jobs_of_none_have_their_turn_too() -> None:
    crowd = [tenant("acme", Priority.NORMAL, 10), tenant("beta", Priority.NORMAL, 20)]
    facts = with_tenants(queue(worker(), ready={Priority.NORMAL: 100}), 5)
    line = line_of(JobFacts(ACME, facts, place(ahead=2), tenant=crowd[0], crowd=crowd))
    # three rounds with it: beta, three tenants more and the jobs of no tenant
    assert (line.own, line.others, line.rivals) == (2, 3 + 3 * 4, 2)


def test_jobs_of_higher_levels_are_not_ahead_while_their_tenant_is_paused() -> None:
    crowd = [tenant("beta", Priority.HIGH, 40, paused=True), tenant("gamma", Priority.HIGH, 3)]
    facts = with_tenants(queue(worker(), ready={Priority.HIGH: 50, Priority.NORMAL: 1}), 2)
    assert line_of(JobFacts(ACME, facts, place(), crowd=crowd)).higher == 10


def test_its_turn_comes_no_sooner_than_the_rate_of_its_tenant_lets_it() -> None:
    acme = tenant("acme", Priority.NORMAL, 240, rate=Rate.parse("1/s"))
    facts = queue(worker(), ready={Priority.NORMAL: 240}, running=2, ended=60)
    (cause,) = job_causes(JobFacts(ACME, facts, place(ahead=240), tenant=acme))
    assert (cause.word, cause.fields["eta_s"]) == ("slots_busy", 240.0)
