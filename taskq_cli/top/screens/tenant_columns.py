"""The columns of the list of tenants: what nobody has a limit of is left out."""

from __future__ import annotations

from typing import Final

from taskq_cli.top.format import Pen, rate
from taskq_cli.top.tenant_row import TenantRow
from taskq_cli.top.widgets.columns import Cell, Column

SIGNS: Final = {
    "active": ("busy", "good"),
    "idle": ("idle", "dim"),
    "paused": ("paused", "warn"),
    "limited": ("limited", "accent"),
}
"""The glyph and the look of each state."""
RANKS: Final = {state: n for n, state in enumerate(("idle", "active", "limited", "paused"))}


def tenant_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""

    def look(row: TenantRow) -> str:
        return SIGNS[row.info.state][1]

    def state(row: TenantRow) -> int:
        return RANKS[row.info.state]

    def running(row: TenantRow) -> Cell:
        most = row.info.limits.max_running
        text = pen.count(row.info.running) + ("" if most is None else f"/{pen.count(most)}")
        full = most is not None and row.info.running >= most
        return text, "warn" if full else "" if row.info.running else "dim"

    def pace(row: TenantRow) -> Cell:
        return (rate(row.rate), "") if row.rate else ("-", "dim")

    def most(row: TenantRow) -> Cell:
        limit = row.info.limits.max_waiting
        return "" if limit is None else pen.count(limit), ""

    return [
        Column("sign", "!", 1, lambda r: (pen.glyph(SIGNS[r.info.state][0]), look(r)), state, right=False),
        Column("tenant", "TENANT", 12, lambda r: (r.name, ""), lambda r: r.name, right=False, flexible=True,
               descending=False),
        Column("state", "STATE", 8, lambda r: (r.info.state, look(r)), state, 2, right=False),
        Column("ready", "READY", 9, lambda r: _count(pen, r.info.ready_total), lambda r: r.info.ready_total),
        Column("held", "HELD", 9, lambda r: _count(pen, r.held), lambda r: r.held, 3,
               only_where=lambda r: r.held),
        Column("running", "RUN", 9, running, lambda r: r.info.running),
        Column("out", "OUT/s", 6, pace, lambda r: r.rate, 1),
        Column("weight", "WEIGHT", 6, lambda r: (str(r.info.limits.weight), "" if r.info.limits.weight > 1
               else "dim"), lambda r: r.info.limits.weight, 4),
        Column("rate", "RATE", 12, lambda r: (_rate(r), ""), lambda r: r.info.limits.rate
               and r.info.limits.rate.per_s, 5, only_where=lambda r: r.info.limits.rate),
        Column("most", "MOST", 9, most, lambda r: r.info.limits.max_waiting, 7,
               only_where=lambda r: r.info.limits.max_waiting),
        Column("done", "DONE", 9, lambda r: _count(pen, r.info.done), lambda r: r.info.done, 6),
    ]  # fmt: skip


def _rate(row: TenantRow) -> str:
    return "" if row.info.limits.rate is None else str(row.info.limits.rate)


def _count(pen: Pen, value: int) -> Cell:
    return pen.count(value), "" if value else "dim"
