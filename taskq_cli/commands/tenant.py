"""`taskq tenant`: who shares a queue and what each may have; and users of the server for namespaces."""

from __future__ import annotations

from typing import Annotated

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import DryRun, QueueGlob, Shared
from taskq_cli.session import Session
from taskq_cli.targets import one_queue, queues_like
from taskq_cli.tenant_changes import NewLimits, purge_states, states_of, tenants_of
from taskq_cli.tenant_users import ACL_USER, Wanted, apply_user, user_record
from taskq_cli.tenant_views import TENANT, TENANT_PURGED, TENANT_SET, change_record, tenant_record
from taskq_core import TenantRole, UsageError

app = new_app("Share a queue among tenants, or give one its own user on the server.")
QueueName = Annotated[str | None, typer.Argument(metavar="QUEUE", help="The queue.")]
TenantName = Annotated[str | None, typer.Argument(metavar="TENANT", help="The tenant.")]

EXAMPLES = """
taskq tenant acl acme
taskq tenant acl acme --role producer -o json
taskq tenant acl acme --password-file acme.pass --apply --yes
"""
SET_EXAMPLES = """
taskq tenant set emails acme --weight 3
taskq tenant set emails trial --max-running 2 --max-waiting 1000 --rate 10/s
taskq tenant set emails trial --rate 0
"""
PURGE_EXAMPLES = """
taskq tenant purge emails acme --dry-run
taskq tenant purge emails acme --state dead --yes
"""
ROLES = ", ".join(TenantRole)


@leaf(app, name="ls", examples="taskq tenant ls\ntaskq tenant ls -q emails -o json")
def list_tenants(shared: Shared, *, queue: QueueGlob = None) -> None:
    """List who shares queues: their jobs that wait and run, how many were done, and what they may have.

    State: active, limited (its jobs wait at a limit of its own), paused, or idle. A tenant is listed while
    it has jobs in a queue, or something was set for it. Jobs that wait for a time are not counted here.
    """
    with Session(shared) as session:
        writer = session.writer(TENANT)
        for name in queues_like(session.client, queue):
            for found in tenants_of(session.client, name):
                writer.write(tenant_record(found))


@leaf(app, name="set", examples=SET_EXAMPLES)
def set_limits(
    shared: Shared, limits: NewLimits, *, queue: QueueName = None, name: TenantName = None
) -> None:
    """Set what a tenant may have in a queue; 0 goes back to the default.

    In a round each tenant with waiting jobs gets as many of them started as its weight says. One at a limit
    is left out until it has room again, and holds up nobody.
    """
    with Session(shared) as session:
        writer = session.writer(TENANT_SET)
        place, who = _named(queue, name)
        changes = limits.changes()
        session.may_change()
        one_queue(session.client, place, "tenant set")
        now = session.client.tenants.set(place, who, **changes)
        writer.write(change_record(place, who, "set", now))


@leaf(app, name="pause", examples="taskq tenant pause emails acme")
def pause(shared: Shared, *, queue: QueueName = None, name: TenantName = None) -> None:
    """Let no job of a tenant start; what runs goes on, and it may go on adding jobs."""
    _pause(shared, queue, name, paused=True)


@leaf(app, name="resume", examples="taskq tenant resume emails acme")
def resume(shared: Shared, *, queue: QueueName = None, name: TenantName = None) -> None:
    """Let the jobs of a tenant start again."""
    _pause(shared, queue, name, paused=False)


def _pause(shared: Shared, queue: str | None, name: str | None, *, paused: bool) -> None:
    verb = "pause" if paused else "resume"
    with Session(shared) as session:
        writer = session.writer(TENANT_SET)
        place, who = _named(queue, name)
        session.may_change()
        one_queue(session.client, place, f"tenant {verb}")
        now = session.client.tenants.set(place, who, paused=paused or None)
        writer.write(change_record(place, who, verb, now))


@leaf(app, name="purge", examples=PURGE_EXAMPLES)
def purge(
    shared: Shared,
    *,
    queue: QueueName = None,
    name: TenantName = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="ready, scheduled or dead; the first two by default."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Remove the jobs of one tenant from a queue, for good. What runs goes on."""
    with Session(shared) as session:
        session.writer(TENANT_PURGED)
        place, who = _named(queue, name)
        states = states_of(state)
        one_queue(session.client, place, "tenant purge")
        found = session.client.tenants.get(place, who)
        if dry_run:
            session.narrate(
                f"would purge the {' and '.join(states)} jobs of {who}: {found.ready_total} are ready"
            )
            return
        session.confirm(f"Purge the {' and '.join(states)} jobs of tenant {who!r} in queue {place!r}?")
        purge_states(session, place, who, states)


def _named(queue: str | None, name: str | None) -> tuple[str, str]:
    if queue is None or name is None:
        raise UsageError(
            "name a queue and a tenant", hint="For example: taskq tenant set emails acme --weight 3"
        )
    return queue, name


@leaf(app, name="acl", examples=EXAMPLES)
def acl(
    shared: Shared,
    *,
    name: Annotated[str, typer.Argument(metavar="NAMESPACE", help="The namespace of the tenant.")],
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help=f"One of {ROLES}.")] = "all",
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Instead of taskq-NAMESPACE[-ROLE].")
    ] = None,
    no_eval: Annotated[
        bool,
        typer.Option(
            "--no-eval", help="No Lua of the tenant's own: --apply loads ours, after each restart again."
        ),
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Set it on the server, by ACL SETUSER.")] = False,
    password_file: Annotated[
        str | None,
        typer.Option("--password-file", metavar="FILE", help="With --apply: its new password; - is stdin."),
    ] = None,
) -> None:
    """Print, or set, the rights of a server user that sees one namespace and nothing else.

    all: workers and the whole command line. worker: runs jobs and adds some. producer: adds jobs and looks at
    them. reader: looks at everything and changes nothing. What is printed can be piped to `redis-cli`; it
    holds no password. A user that exists keeps its passwords unless a new one is given.
    """
    with Session(shared) as session:
        session.writer(ACL_USER)
        if role not in list(TenantRole):
            raise UsageError(f"no role {role!r}", hint=f"One of: {ROLES}")
        if password_file is not None and not apply:
            raise UsageError(
                "--password-file goes with --apply", hint="What is printed never holds a password"
            )
        wanted = Wanted(name, TenantRole(role), user, own_scripts=not no_eval)
        rules = wanted.rules(session.settings.url or "")
        if apply:
            rules = apply_user(session, wanted, rules, password_file)
        else:
            session.narrate(f"give it a password by: ACL SETUSER {wanted.user} '>PASSWORD'")
            if "+waitaof" in rules:
                session.narrate("Redis 7.0 does not know +waitaof: leave it out there")
        session.output.write(user_record(wanted, rules, applied=apply))
