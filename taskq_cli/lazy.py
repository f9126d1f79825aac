"""The group that knows every command's name and help line, and imports one only when it is called."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

COMMANDS: Final = {
    "enqueue": "Put jobs into a queue: one from arguments, or a stream of NDJSON.",
    "worker": "Run the handlers of an application, or programs.",
    "jobs": "List the jobs of queues.",
    "inspect": "Show everything about a job.",
    "failures": "Show failed attempts, or the causes of failed jobs.",
    "retry": "Run dead jobs again, or scheduled ones now.",
    "cancel": "Take jobs out before they run, or stop them while they do.",
    "bury": "Move scheduled jobs to the dead letter queue.",
    "delete": "Remove jobs from the dead letter queue.",
    "purge": "Remove all jobs of one state from a queue.",
    "queue": "List, pause, drain, limit and remove queues.",
    "group": "Count jobs that belong together, and run one more when all have ended.",
    "schedule": "Enqueue jobs again and again: by cron lines, or every so often.",
    "workers": "List, show and stop workers.",
    "wait": "Wait until jobs have ended.",
    "result": "Print the kept results of jobs.",
    "tail": "Follow jobs as they are done, fail or die.",
    "logs": "Print what a job says while it runs.",
    "stats": "Depth, rates and totals of queues.",
    "top": "The live view: queues, jobs, failures, workers; with time travel.",
    "why": "Say in plain words why a job waits, or a queue stands still.",
    "doctor": "Look for faults of server, queues and workers.",
    "health": "Probe the server, or a worker; the exit code is the answer.",
    "exporter": "Serve the queues' metrics for Prometheus.",
    "metrics": "List the metrics, and write alert rules.",
    "server": "Start, stop and look at the local server.",
    "export": "Write jobs to stdout, to be brought back by import.",
    "import": "Bring exported jobs back, under their own ids.",
    "tenant": "Share a queue among tenants, or give one its own user on the server.",
    "config": "Show and check the configuration.",
    "completion": "Print the completion script of a shell.",
    "bench": "Measure throughput, latency and exact delivery on your server.",
    "demo": "See it work: local server, example workers, live counts.",
}


class LazyGroup(TyperGroup):
    """Commands by name from `taskq_cli.commands`; a wrong name is answered with the nearest right one."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"taskq_cli.commands.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the first argument names. Raises: a usage error with what was perhaps meant."""
        command = self.get_command(ctx, args[0])
        if command is None:
            near = get_close_matches(args[0], COMMANDS, n=1)
            meant = f"Did you mean `taskq {near[0]}`?" if near else "`taskq --help` lists all commands."
            ctx.fail(f"no command {args[0][:60]!r}. {meant}")
        return args[0], command, args[1:]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
