"""`taskq completion`: the script that makes a shell complete our commands, options and names."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from taskq_cli.complete.shells import SCRIPTS
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Shared
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_core import UsageError

app = new_app()

EXAMPLES = """
taskq completion bash > ~/.local/share/bash-completion/completions/taskq
taskq completion zsh > ~/.zfunc/_taskq        # with: fpath+=(~/.zfunc); autoload -Uz compinit; compinit
taskq completion fish > ~/.config/fish/completions/taskq.fish
source <(taskq completion bash)               # for this shell only
"""


@leaf(app, examples=EXAMPLES)
def completion(
    shared: Shared,
    *,
    shell: Annotated[str | None, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")] = None,
) -> None:
    """Print the completion script of a shell: commands, options, and the names of queues, tasks and profiles.

    Names are asked from the server in at most a tenth of a second; when it does not answer there are none.
    The local server is not started for it.
    """
    with Session(shared):
        if shell not in SCRIPTS:
            said = "no shell named" if shell is None else f"no completion for {clean(shell)!r}"
            raise UsageError(said, hint=f"One of: {', '.join(SCRIPTS)}")
        sys.stdout.write(SCRIPTS[shell])
