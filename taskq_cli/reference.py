"""docs/cli.md, made of what the help is made of: `python -m taskq_cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, Final

from typer.main import get_command

from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import SHARED_NAMES
from taskq_cli.root import app

INTRODUCTION: Final = """# The command `taskq`

<!-- Made by `make docs` from the same source as the help of each command. Changes here are lost. -->

`taskq COMMAND --help` shows the same on a terminal. Pipelines for every day are in
[pipelines.md](pipelines.md).

- stdout is data; stderr is narration, progress and summaries. `--quiet` turns narration off; errors stay.
- `-o table|wide|tsv|csv|json|ndjson|name` chooses a format. Without it: a table on a terminal, TSV without
  a header in a pipe, NDJSON for streams; some commands print a line for each job instead. `TASKQ_OUTPUT`
  and the configuration may choose as well. `--json FIELDS` prints only these fields; alone it lists them.
- Keys of JSON are stable: snake_case, times in RFC 3339 (UTC), durations in seconds as `…_s`, and a
  `schema`. `id` is `QUEUE/ID`, which every command takes back.
- `-` reads jobs from stdin: a line each, `QUEUE/ID`, an id where a queue is given, TSV or CSV that begins
  with one, or JSON objects with `id`.
- What destroys something asks on a terminal and refuses without `--yes` elsewhere; `--dry-run` tells what
  would be done.
- Durations are written `250ms`, `30s`, `5m`, `1h30m`, `2d`; times in RFC 3339: `2027-01-31T08:00:00Z`.
- The server is the first that is named by: `--url`, the profile of `-P`, `TASKQ_REDIS_URL`, a profile
  chosen elsewhere, `./taskq.toml`, the user's `config.toml` (`taskq config path`). Without any it is a
  local server of your own, started when it is needed.
"""
MEANINGS: Final = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "wrong usage or configuration; nothing was done",
    ExitCode.UNREACHABLE: "the server does not answer; worth another try",
    ExitCode.NOT_FOUND: "no such job, queue, worker or result",
    ExitCode.REFUSED: "refused: not confirmed, a read-only profile, a full or draining queue, a duplicate",
    ExitCode.PARTLY: "partly done; stderr says what was not",
    ExitCode.DIED: "a job that was waited for died or was cancelled",
    ExitCode.PENDING: "still pending when the time was over",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C; what was acknowledged stays",
    ExitCode.CLOSED_PIPE: "the reader of the output went away, as with `| head -1`",
    ExitCode.TERMINATED: "ended by SIGTERM",
}


def reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_exit_codes(), *_commands()])


def leaves() -> Iterator[tuple[str, Any]]:
    """Each command that does something, by its full name, in the order of the help."""
    yield from _below("taskq", get_command(app))


def examples_of(command: Any) -> list[str]:
    """The example lines of a command."""
    return inspect.cleandoc(command.epilog or "").splitlines()


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(None):
        yield from _below(f"{path} {name}", command.get_command(None, name))


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n\n| code | meaning |\n|---|---|"
    for code in ExitCode:
        yield f"| {int(code)} | {MEANINGS[code]} |"
    yield ""


def _commands() -> Iterator[str]:
    found = list(leaves())
    yield "## Commands\n"
    for path, command in found:
        first = (command.help or "").strip().partition("\n")[0]
        yield f"- [`{path}`](#{path.replace(' ', '-')}): {first}"
    for path, command in found:
        yield from _section(path, command)
    yield "\n## Options of every command\n"
    yield from _table(_options(found[0][1], shared=True))


def _section(path: str, command: Any) -> Iterator[str]:
    yield f"\n### {path}\n\n{inspect.cleandoc(command.help or '')}\n"
    if examples := examples_of(command):
        yield "\n".join(["```sh", *examples, "```", ""])
    yield f"`{path}{_usage(command)}`\n"
    yield from _table([*_arguments(command), *_options(command, shared=False)])


def _usage(command: Any) -> str:
    with command.make_context("taskq", [], resilient_parsing=True) as context:
        return "".join(f" {word}" for word in command.collect_usage_pieces(context))


def _arguments(command: Any) -> Iterator[tuple[str, str]]:
    for param in command.params:
        if param.param_type_name == "argument" and param.help:
            yield _metavar(param), param.help


def _options(command: Any, *, shared: bool) -> Iterator[tuple[str, str]]:
    with command.make_context("taskq", [], resilient_parsing=True) as context:
        for param in command.params:
            row = param.get_help_record(context)
            if param.param_type_name == "option" and row and (param.name in SHARED_NAMES) is shared:
                yield row


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper())


def _table(rows: Any) -> Iterator[str]:
    found = [f"| `{_cell(name)}` | {_cell(about)} |" for name, about in rows]
    if found:
        yield "\n".join(["| | |", "|---|---|", *found])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference() + "\n")
