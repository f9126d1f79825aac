"""`taskq tenant`: a user of the server's own for each namespace, and what it may do."""

from __future__ import annotations

from typing import Annotated

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Shared
from taskq_cli.session import Session
from taskq_cli.tenant_users import ACL_USER, Wanted, apply_user, user_record
from taskq_core import TenantRole, UsageError

app = new_app("Give a tenant its own user on the server.")

EXAMPLES = """
taskq tenant acl acme
taskq tenant acl acme --role producer -o json
taskq tenant acl acme --password-file acme.pass --apply --yes
"""
ROLES = ", ".join(TenantRole)


@app.callback()
def tenant() -> None:
    """Give a tenant its own user on the server."""  # keeps `acl` a word of its own while it is the only one


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
