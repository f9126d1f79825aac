"""What one command works with: its settings, its client, its output, and what it may do."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import Final, Self

import typer

from taskq_cli.confirm import Danger, ask_for
from taskq_cli.options import Shared
from taskq_cli.render import Writer, open_writer
from taskq_cli.sanitize import clean
from taskq_cli.settings import Settings, load_settings
from taskq_cli.views import View
from taskq_core import Client, LocalServer, Refused, holds_password

DEADLINE_S: Final = 1.5
"""How long a command repeats a call: someone waits in front of it."""
STREAM_DEADLINE_S: Final = 15.0
MAX_NARRATION: Final = 600


class ReadOnly(Refused):
    """The profile lets nothing be changed."""


class Session:
    """Opened by each command around its work; closes the output and the connection.

    ``patient``: a stream of input waits longer for a server that went away.
    """

    def __init__(self, shared: Shared, *, patient: bool = False) -> None:
        self.shared = shared
        self._deadline = STREAM_DEADLINE_S if patient else DEADLINE_S
        self._writer: Writer | None = None
        self._client: Client | None = None

    def __enter__(self) -> Self:
        if self.shared.url is not None and holds_password(self.shared.url):
            self.narrate(
                "everybody on this machine can read the password in --url while this runs; "
                "TASKQ_REDIS_URL or a profile keeps it to yourself"
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # a closed pipe has nobody to read the rest
        if self._writer is not None and kind is not BrokenPipeError:
            self._writer.close(failed=kind is not None and not issubclass(kind, typer.Exit))
        if self._client is not None:
            self._client.close()

    @cached_property
    def settings(self) -> Settings:
        """Flags, environment and files, in that order. Raises: ConfigurationError."""
        return load_settings(self.shared)

    @cached_property
    def url(self) -> str:
        """The server's address; without any, that of the local server, which is started if need be."""
        if self.settings.url is not None:
            return self.settings.url
        local = LocalServer()
        if local.ensure():
            self.narrate(f"started the local server in {local.folder}; `taskq server stop` ends it")
        return local.url

    @property
    def client(self) -> Client:
        """The connection of this command, made when first asked for."""
        if self._client is None:
            self._client = Client(self.url, namespace=self.settings.namespace, deadline=self._deadline)
        return self._client

    def writer(self, view: View, format_: str | None = None) -> Writer:
        """Opens the output of this command. A bare `--json` ends the command here. Raises: UsageError.

        ``format_``: the one of this command unless `-o` names another, whatever is configured.
        """
        chosen = self.settings.output
        if format_ is not None and self.shared.output is None:
            chosen = format_
        self._writer = open_writer(view, self.shared, chosen)
        return self._writer

    @property
    def output(self) -> Writer:
        """The output that `writer` opened."""
        assert self._writer is not None  # noqa: S101 - a command opens its output first
        return self._writer

    def narrate(self, text: str) -> None:
        """One line on stderr, unless `--quiet`."""
        if not self.shared.quiet:
            sys.stderr.write(f"taskq: {clean(text, MAX_NARRATION)}\n")
            sys.stderr.flush()

    def may_change(self) -> None:
        """Raises: ReadOnly when the profile forbids it."""
        if self.settings.read_only:
            raise ReadOnly(
                f"profile {self.settings.profile!r} is read-only",
                hint="Use another profile, or remove read_only from it",
            )

    def confirm(self, question: str, *, name: str | None = None, given: str | None = None) -> None:
        """Returns when the user agreed. ``name``: what has to be typed for it, ``given`` by a flag.

        Raises: Refused when the answer is no, or when there is nobody to ask.
        """
        self.may_change()
        protected = self.settings.profile if self.settings.protected else None
        ask_for(Danger(question, name=name, given=given, protected=protected, yes=self.shared.yes))
