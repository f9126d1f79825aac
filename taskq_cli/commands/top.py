"""`taskq top`: the live view, one picture of it, a recording of it, and the recording played again."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from taskq_cli.durations import parse_duration
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import QueueGlob, Shared, span
from taskq_cli.sanitize import clean
from taskq_cli.session import DEADLINE_S, Session
from taskq_cli.settings import read_sources
from taskq_core import Client, UsageError

if TYPE_CHECKING:  # all that draws is imported once it is known that there is something to draw
    from taskq_cli.top.options import TopOptions
    from taskq_cli.top.source import Source

app = new_app()

EXAMPLES = """
taskq top
taskq top -q 'mail*' --interval 5s --read-only
taskq top --once=queues -o text
taskq top --once -o json | jq '.findings[].text'
taskq top --record night.ndjson
taskq top --replay night.ndjson
"""
PICTURES: Final = ("text", "json", "svg")
LEAST_TICK: Final = timedelta(milliseconds=200)
MOST_TICK: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is looked at, and how."""

    queue: QueueGlob = None
    interval: Annotated[timedelta | None, span("--interval", "How often it looks; a second by default.")] = (
        None
    )
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing can be changed from the view.")] = (
        False
    )
    ascii: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters alone.")] = False
    theme: Annotated[
        str | None, typer.Option("--theme", metavar="NAME", help="The colours; an unknown name lists all.")
    ] = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where frames come from and go to, beside the screen."""

    once: Annotated[
        str | None,
        typer.Option("--once", metavar="SCREEN", help="Print one screen and end; -o text, json or svg. "
                     "`--once` alone: the overview."),
    ] = None  # fmt: skip
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Also write what is seen to a new file.")
    ] = None
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Show a recording; no server is asked.")
    ] = None


@leaf(app, examples=EXAMPLES)
def top(shared: Shared, *, seen: Seen, kept: Kept) -> None:
    """Watch queues, jobs, failures and workers live, and act on them. `?` shows the keys.

    The recording is NDJSON: queues as in `taskq stats --watch`, which can be replayed too.
    Colours, interval and keys can be set in taskq.toml: [top] theme, interval, keys.
    """
    picture = _picture(shared, kept)
    if kept.once is None:
        _need_terminal()
    with Session(replace(shared, output=None)) as session:
        options = _options(session, seen, kept)
        if kept.replay is not None:
            _need_no_server(seen, kept)
            from taskq_cli.top.replay import ReplaySource

            _show(ReplaySource(kept.replay), None, options, picture)
            return
        client = Client(session.url, namespace=session.settings.namespace, deadline=DEADLINE_S)
        try:
            _show(_live(session, seen, kept), client, options, picture)
        finally:
            client.close()


def _show(source: Source, client: Client | None, options: TopOptions, picture: str) -> None:
    try:
        if picture:
            from taskq_cli.top.once import once

            sys.stdout.write(once(source, client, options, picture))
            return
        from taskq_cli.top.app import TopApp

        code = TopApp(source, client, options).run_to_end()
    finally:
        source.close()
    if code:
        raise typer.Exit(code)


def _live(session: Session, seen: Seen, kept: Kept) -> Source:
    """The server as a source. Raises: ServerUnreachable, for a wrong address is told at once."""
    from taskq_cli.top.live import LiveSource

    session.client.queues()
    source = LiveSource(session.client, glob=seen.queue, label=_label(session))
    if kept.record is None:
        return source
    from taskq_cli.top.record import RecordingSource

    return RecordingSource(source, kept.record)


def _label(session: Session) -> str:
    """Where one is: the profile, or the server's host, and the namespace."""
    settings = session.settings
    host = urlsplit(session.url).hostname or "local"
    return clean(f"{settings.profile or host}:{settings.namespace}", 60)


def _picture(shared: Shared, kept: Kept) -> str:
    """The format of the one picture that was asked for; empty when the view is to be opened."""
    if kept.once is None:
        if shared.output is not None or shared.json is not None:
            raise UsageError(
                "-o goes with --once", hint="`taskq top --once -o text`, or `taskq stats -o json`"
            )
        return ""
    if shared.json is not None or (shared.output or "text") not in PICTURES:
        raise UsageError("--once prints text, json or svg", hint="`taskq top --once -o json`")
    if kept.record is not None:
        raise UsageError("--record goes with the live view, not with --once")
    return shared.output or "text"


def _need_terminal() -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "the live view needs a terminal for input, output and errors",
            hint="`taskq top --once` prints one picture; `taskq stats --watch -o ndjson` goes on printing",
        )


def _need_no_server(seen: Seen, kept: Kept) -> None:
    if kept.record is not None or seen.queue is not None:
        raise UsageError("--replay shows all of a recording: neither --record nor -q goes with it")


def _options(session: Session, seen: Seen, kept: Kept) -> TopOptions:
    """How the view is to be: flags, then the configuration. Raises: UsageError."""
    from taskq_cli.top.keymap import remapped, screen_named
    from taskq_cli.top.options import TopOptions

    configured = read_sources(session.shared).configured.top
    interval = seen.interval or parse_duration(configured.interval or "1s")
    if not LEAST_TICK <= interval <= MOST_TICK:
        raise UsageError("--interval is between 200ms and 1h")
    settings = session.settings
    return TopOptions(
        interval=interval.total_seconds(),
        read_only=seen.read_only or settings.read_only,
        protected=settings.profile if settings.protected else None,
        ascii_only=seen.ascii,
        theme=_theme(seen.theme or configured.theme),
        keys=remapped(configured.keys),
        screen=screen_named(kept.once or "overview"),
    )


def _theme(name: str | None) -> str | None:
    if name is None:
        return None
    from textual.theme import BUILTIN_THEMES

    from taskq_cli.top.themes import THEMES

    known = sorted({*BUILTIN_THEMES, *(theme.name for theme in THEMES)})
    if name not in known:
        raise UsageError(f"no theme {clean(name, 40)!r}", hint=f"One of: {', '.join(known)}")
    return name
