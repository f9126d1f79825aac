"""Users of tenants on the server: how one is named, printed, and set."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.views import Record, View
from taskq_core import (
    AclPlace,
    Refused,
    ServerError,
    TenantRole,
    UsageError,
    acl_rules,
    check_namespace,
    script_sources,
)

_USER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_UNKNOWN: Final = "'+waitaof'"
MAX_PASSWORD: Final = 512


def _line(record: Record) -> str:
    rules = (f'"{rule}"' if " " in rule else rule for rule in record["rules"])
    return clean(f"ACL SETUSER {record['user']} {' '.join(rules)}", 16_384)


ACL_USER: Final = View(
    schema="taskq.acl-user/1",
    fields=("schema", "user", "namespace", "role", "rules", "applied"),
    columns=("user", "namespace", "role", "rules", "applied"),
    key="user",
    line=_line,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A user as it is asked for. ``name``: its own, or None. Raises: InvalidName, UsageError."""

    namespace: str
    role: TenantRole
    name: str | None
    own_scripts: bool

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        if not _USER.fullmatch(self.user):
            raise UsageError(
                f"{clean(self.user)!r} is no name for a user",
                hint="Letters, digits, dot, dash and underscore",
            )
        if self.user == "default":
            raise UsageError("the user `default` is everybody's", hint="Choose a name for the tenant's own")

    @property
    def user(self) -> str:
        """Its name on the server."""
        role = "" if self.role is TenantRole.ALL else f"-{self.role}"
        return self.name if self.name is not None else f"taskq-{self.namespace}{role}"

    def rules(self, url: str) -> list[str]:
        """What it may do, at the place that a URL names."""
        place = AclPlace.of(url)
        return acl_rules(self.namespace, self.role, place, own_scripts=self.own_scripts)


def user_record(wanted: Wanted, rules: Sequence[str], *, applied: bool) -> dict[str, Any]:
    """A user as a record of `ACL_USER`."""
    return {
        "schema": ACL_USER.schema,
        "user": wanted.user,
        "namespace": wanted.namespace,
        "role": str(wanted.role),
        "rules": list(rules),
        "applied": applied,
    }


def apply_user(
    session: Session, wanted: Wanted, rules: Sequence[str], password_file: str | None
) -> list[str]:
    """Sets the user on the server, once it was agreed to; the rules that hold now. Raises: Refused, …"""
    session.may_change()
    client = session.client
    if client.spread:
        raise Refused(
            "each node of a cluster keeps its own users",
            hint="Print the rules here, and set them at each node, or in the ACL file of each",
        )
    secret = _secret(password_file)
    if _text(client.execute("ACL", "WHOAMI")) == wanted.user:
        raise Refused(f"you are connected as {wanted.user!r}", hint="Use the URL of an administrator")
    known = client.execute("ACL", "GETUSER", wanted.user) is not None
    if known:
        session.confirm(f"Replace the rights of user {wanted.user!r}?")
    rules = _set(session, wanted, rules, secret)
    if not wanted.own_scripts:
        for source in script_sources():
            client.execute("SCRIPT", "LOAD", source)
        session.narrate("its scripts are loaded; do this again after each restart and failover of the server")
    if not known and not secret:
        session.narrate(
            f"it has no password yet, so nobody can sign in: ACL SETUSER {wanted.user} '>PASSWORD'"
        )
    _save(session)
    if "nopass" in _words(client.execute("ACL", "GETUSER", "default")):
        session.narrate("user `default` needs no password: every tenant can sign in as it, and do everything")
    return rules


def _set(session: Session, wanted: Wanted, rules: Sequence[str], secret: Sequence[str]) -> list[str]:
    try:
        session.client.execute("ACL", "SETUSER", wanted.user, *secret, *rules)
    except ServerError as error:
        if _UNKNOWN not in str(error):
            raise
        # Redis 7.0: there is no such command that could be allowed
        rules = [rule for rule in rules if rule != "+waitaof"]
        session.client.execute("ACL", "SETUSER", wanted.user, *secret, *rules)
    return list(rules)


def _save(session: Session) -> None:
    try:
        session.client.execute("ACL", "SAVE")
    except ServerError:
        session.narrate(
            "it lasts until the server restarts: to keep it, put its line of ACL LIST into the server's "
            "configuration, or use an ACL file"
        )
    if session.url.partition("://")[0].endswith("+sentinel"):
        session.narrate("replicas do not get users from their primary: set it there too")


def _secret(password_file: str | None) -> list[str]:
    """The rules that replace the passwords of a user by one, which is not sent itself."""
    if password_file is None:
        return []
    try:
        given = _read(Path(password_file))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {clean(password_file)}: {_reason(error)}") from None
    password = given.rstrip("\r\n")
    if not password or len(password) > MAX_PASSWORD or not password.isprintable():
        raise UsageError(
            "the file holds no password",
            hint=f"One line of at most {MAX_PASSWORD} characters, such as 32 random ones",
        )
    return ["resetpass", f"#{hashlib.sha256(password.encode()).hexdigest()}"]


def _read(file: Path) -> str:
    return sys.stdin.read(MAX_PASSWORD + 2) if str(file) == "-" else file.read_text()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "it is no text"


def _words(reply: Any) -> set[str]:
    """All words of a reply, however they are nested."""
    if isinstance(reply, dict):
        return _words([*reply, *reply.values()])
    if isinstance(reply, list | tuple | set):
        return {word for part in reply for word in _words(part)}
    return set(_text(reply).split())


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
