"""What the measurements share: their flags, their own server, and how results are printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from taskq_cli.bench.scratch import Scratch
from tests.servers import KINDS, Server, binary


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. ``target`` says what it has to be, in words; empty when it is only told."""

    name: str
    value: float
    unit: str
    target: str = ""
    met: bool = True


def parser(about: str | None) -> argparse.ArgumentParser:
    """The flags that all have."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = [kind for kind in KINDS if binary(kind)]
    found.add_argument("--server", choices=KINDS, default=kinds[0] if kinds else KINDS[0])
    found.add_argument("--json", action="store_true", help="print JSON and no table")
    return found


def run(
    parsed: argparse.Namespace, measure: Callable[[Scratch, Server], Sequence[Result]], *, aof: bool = False
) -> None:
    """Measures on a server of its own, prints, and ends with 1 when a target was missed."""
    with own_server(parsed.server, aof=aof) as server, Scratch(server.url) as scratch:
        version = scratch.client.ping().version
        results = measure(scratch, server)
    title = f"{sys.argv[0].rpartition('/')[2]} on {parsed.server} {version}"
    if parsed.json:
        rows = [asdict(result) for result in results]
        print(json.dumps({"server": parsed.server, "version": version, "results": rows}))
    else:
        _print(title, results)
    sys.exit(not all(result.met for result in results))


@contextmanager
def own_server(kind: str, *, aof: bool) -> Iterator[Server]:
    """A server that nobody else uses."""
    server = Server(kind, aof=aof)
    try:
        yield server.start()
    finally:
        server.remove()


def _print(title: str, results: Sequence[Result]) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("measure", "value", "unit", "target", ""):
        table.add_column(column, justify="right" if column == "value" else "left")
    for result in results:
        verdict = ("met" if result.met else "MISSED") if result.target else ""
        table.add_row(result.name, _shown(result.value), result.unit, result.target, verdict)
    Console().print(table)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:.4g}"
