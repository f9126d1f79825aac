"""How a command is declared: a function whose dataclass parameters become flags, and examples first.

`@leaf(app, examples="…")` registers a function with Typer. A parameter that is a dataclass (such as
`Shared`) is spread: each of its fields is an option of the command, and the function gets it whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand

from taskq_cli.options import Shared

F = TypeVar("F", bound=Callable[..., None])
ALONE: Final = {
    "--watch": "--watch=1s",
    "--wait": "--wait=",
    "--wait-for-room": "--wait-for-room=",
    "--once": "--once=overview",
}
"""Flags whose value is written with `=` or left out, and what they mean without one."""
SHARED_NAMES = frozenset(field.name for field in fields(Shared))


def new_app(help_: str = "") -> typer.Typer:
    """A Typer application with our conventions: plain help, no completion flags, no pretty tracebacks."""
    return typer.Typer(
        help=help_, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def leaf(app: typer.Typer, *, examples: str, name: str | None = None) -> Callable[[F], F]:
    """Registers the function as a command of the application; its docstring is the help."""

    def register(function: F) -> F:
        # Typer prints an epilog last; Leaf prints it first, as examples
        app.command(name, cls=Leaf, epilog=examples)(_spread(function))
        return function

    return register


class Leaf(TyperCommand):
    """A command whose help begins with examples, and some of whose flags may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives `--json`, `--worker`, `--watch`, `--wait…` and `--once` a value where they stand alone."""
        return super().parse_args(ctx, list(_with_values(args)))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Examples, usage, text, own options, shared options."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in inspect.cleandoc(self.epilog).splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
            formatter.write("\n")
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Two lists: the command's own, and those that every command has."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Options of every command": []}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            shared = param.name in SHARED_NAMES or param.name == "help"
            if row is not None and param.param_type_name == "option":
                sections["Options of every command" if shared else "Options"].append(row)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _with_values(args: list[str]) -> Iterator[str]:
    following = [*args[1:], "-"][: len(args)]
    options_end = args.index("--") if "--" in args else len(args)
    for index, (arg, after) in enumerate(zip(args, following, strict=True)):
        if index < options_end and arg in ("--json", "--worker") and after.startswith("-"):
            yield f"{arg}="
        else:
            yield ALONE.get(arg, arg) if index < options_end else arg


def _spread(function: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}

    def call(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        function(**values)

    call.__name__ = function.__name__
    call.__doc__ = function.__doc__
    call.__annotations__ = {}
    call.__signature__ = inspect.Signature(list(_parameters(function, hints)))  # type: ignore[attr-defined]
    return call


def _parameters(function: Callable[..., None], hints: dict[str, Any]) -> Iterator[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    given = inspect.signature(function).parameters
    for name, kind in hints.items():
        if not is_dataclass(kind):
            yield inspect.Parameter(name, keyword, annotation=kind, default=given[name].default)
            continue
        inner = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            default = field.default
            if default is MISSING:
                factory = field.default_factory
                default = inspect.Parameter.empty if factory is MISSING else factory()
            yield inspect.Parameter(field.name, keyword, annotation=inner[field.name], default=default)
