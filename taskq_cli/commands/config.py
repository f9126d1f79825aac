"""`taskq config`: what is configured, where it is said, and whether it can be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import FORMATS, Shared
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.settings import (
    ConfigurationError,
    Origin,
    Sources,
    config_files,
    read_configuration,
    read_sources,
    settings_of,
    source_of,
)
from taskq_cli.views import View
from taskq_core import InvalidName, LocalServer, check_namespace, shown_url

app = new_app("Show and check the configuration.")

UNREADABLE: Final = "(unreadable URL)"
SETTING_FIELDS: Final = ("schema", "setting", "value", "origin")
PROFILE: Final = View(
    schema="taskq.profile/1",
    fields=("schema", "name", "url", "namespace", "read_only", "protected", "chosen", "origin"),
    columns=("name", "url", "namespace", "read_only", "protected", "chosen"),
    wide=("name", "url", "namespace", "read_only", "protected", "chosen", "origin"),
    key="name",
)
FILE: Final = View(
    schema="taskq.config-file/1",
    fields=("schema", "path", "exists"),
    columns=("path", "exists"),
    key="path",
    line=lambda record: clean(record["path"], 4_096),
)


def _setting_view(*, origin: bool) -> View:
    columns = ("setting", "value", "origin") if origin else ("setting", "value")
    return View("taskq.setting/1", SETTING_FIELDS, columns, SETTING_FIELDS[1:], key="setting")


@leaf(app, name="show", examples="taskq config show\ntaskq config show --origin\ntaskq config show -o json")
def show(
    shared: Shared,
    *,
    origin: Annotated[
        bool, typer.Option("--origin", help="Also show which flag, variable or file says so.")
    ] = False,
) -> None:
    """Show the settings that a command would use here. No password is shown, and no server asked."""
    with Session(shared) as session:
        sources = read_sources(shared)
        settings_of(sources)
        writer = session.writer(_setting_view(origin=origin))
        for name, value, where in _settings(sources):
            writer.write(
                {"schema": writer.view.schema, "setting": name, "value": value, "origin": _told(where)}
            )


@leaf(app, name="path", examples="taskq config path\ntaskq config path -o json")
def path(shared: Shared) -> None:
    """Show the files that are read, the one that wins first. They need not exist."""
    with Session(shared) as session:
        writer = session.writer(FILE)
        for file in config_files():
            writer.write({"schema": FILE.schema, "path": str(file.absolute()), "exists": file.exists()})


@leaf(app, name="validate", examples="taskq config validate\ntaskq config validate -P prod")
def validate(shared: Shared) -> None:
    """Check files and environment; exit 2 with file and key when something cannot be right."""
    with Session(shared) as session:
        session.writer(FILE)
        sources = read_sources(shared)
        settings = settings_of(sources)
        _check_url(settings.url, sources.of("url")[1])
        for name, profile in sources.configured.profiles.items():
            _check_url(profile.url, ("profiles", name, "url"))
            _check_namespace(profile.namespace, ("profiles", name, "namespace"))
        if sources.configured.output not in (None, *FORMATS):
            raise ConfigurationError(
                f"{_told(('output',))}: no output format {clean(sources.configured.output)!r}"
            )
        found = [file for file in config_files() if file.exists()]
        for file in found:
            session.output.write({"schema": FILE.schema, "path": str(file.absolute()), "exists": True})
        session.narrate("the configuration is valid" if found else "no file; the environment is valid")


@leaf(app, name="profiles", examples="taskq config profiles\ntaskq config profiles -o json")
def profiles(shared: Shared) -> None:
    """List the profiles that `-P NAME` can choose. No password is shown."""
    with Session(shared) as session:
        writer = session.writer(PROFILE)
        configured = read_configuration()
        for name, profile in configured.profiles.items():
            writer.write(
                {
                    "schema": PROFILE.schema,
                    "name": name,
                    "url": profile.url and shown_url(profile.url),
                    "namespace": profile.namespace,
                    "read_only": profile.read_only,
                    "protected": profile.protected,
                    "chosen": name == (shared.profile or configured.profile),
                    "origin": source_of(("profiles", name)),
                }
            )


def _settings(sources: Sources) -> Iterator[tuple[str, Any, Origin]]:
    url, where = sources.of("url")
    if url is None:
        yield "url", LocalServer().url, "local server"
    else:
        yield "url", shown_url(url), where
    namespace, where = sources.of("namespace")
    yield "namespace", namespace or "default", where
    yield "output", *sources.of("output")
    yield "profile", *sources.of("profile")
    for name in ("read_only", "protected"):
        value = getattr(sources.chosen, name)
        yield name, value, ("profiles", sources.profile or "", name) if value else "default"


def _told(origin: Origin) -> str:
    if isinstance(origin, str):
        return origin
    return f"{source_of(origin)}: {'.'.join(origin)}"


def _check_url(url: str | None, origin: Origin) -> None:
    if url is not None and shown_url(url) == UNREADABLE:
        raise ConfigurationError(
            f"{_told(origin)}: the URL cannot be read",
            hint="It begins with redis://, rediss:// or unix://; in a password, / # ? @ are %2F %23 %3F %40",
        )


def _check_namespace(namespace: str | None, origin: Origin) -> None:
    try:
        if namespace is not None:
            check_namespace(namespace)
    except InvalidName as error:
        raise ConfigurationError(f"{_told(origin)}: {error}") from None
