"""The answer to a shell that completes a word: one candidate a line, and silence when anything fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Final, NoReturn

MAX_HELP: Final = 80

Choice = tuple[str, str]


def answer(shell: str, words: Sequence[str]) -> NoReturn:
    """Prints what may stand for the last word, and ends the process."""
    with contextlib.suppress(BaseException):
        os.write(1, "".join(f"{line}\n" for line in _lines(shell, list(words))).encode())
    # at once: a thread that waits for the server is left behind
    os._exit(0)


def _lines(shell: str, words: list[str]) -> Iterator[str]:
    if shell == "bash":
        words = _joined(words)
    for value, about in candidates(words):
        yield _for_bash(value) if shell == "bash" else f"{value}\t{about}" if about else value


def candidates(words: Sequence[str]) -> list[Choice]:
    """Each word that may stand for the last one, with a few words about it."""
    typed = words[-1] if words else ""
    fitting = (choice for choice in _all(words) if choice[0].startswith(typed) and _printable(choice[0]))
    return [(word, _short(about)) for word, about in fitting]


def _all(words: Sequence[str]) -> Iterator[Choice]:
    if len(words) <= 1 and not (words and words[0].startswith("-")):
        from taskq_cli.lazy import COMMANDS

        yield from COMMANDS.items()
        return
    from typer.main import get_command

    from taskq_cli.complete import values
    from taskq_cli.complete.position import read_position
    from taskq_cli.root import app

    at = read_position(get_command(app), words)
    if at.awaiting is not None:
        yield from ((at.prefix + value, about) for value, about in values.values_of(at.awaiting, at))
    elif at.typed.startswith("-") and not at.after_dashes:
        yield from values.options(at.command)
    else:
        yield from values.subcommands(at.command)
        if at.argument is not None:
            yield from values.values_of(at.argument, at)


def _joined(words: list[str]) -> list[str]:
    """Bash breaks words at `=`: `--state`, `=`, `dead` is one word to us."""
    found: list[str] = []
    for word in words:
        after = found and (word == "=" or found[-1].endswith("=")) and found[-1].startswith("--")
        if after:
            found[-1] += word
        else:
            found.append(word)
    return found


def _for_bash(word: str) -> str:
    # its word begins behind the `=`
    return word.partition("=")[2] if word.startswith("--") and "=" in word else word


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_HELP]


def _printable(word: str) -> bool:
    return word.isprintable() and " " not in word
