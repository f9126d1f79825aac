"""The server: its memory, what it would throw away, how it keeps its data, and how busy it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen, share, short, size, span
from taskq_cli.top.screens.view import Scene, View
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.plot import plot
from taskq_core import AccessDenied, Client, ServerInfo

ASK_EVERY_S: Final = 5.0
BAR: Final = 30
LABEL: Final = 14
CHART_S: Final = 15 * 60.0
FULL: Final = 0.85


class Server(View):
    """Figures, and the time of its answers."""

    title = "Server"
    DEFAULT_CSS = "Server > #answers { height: 5; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="server")
        self._info: Mapping[str, str] = {}
        self._cpu: float | None = None
        self._refused = False

    def compose(self) -> ComposeResult:
        """Figures above, a chart below."""
        yield Lines(id="figures")
        yield Lines(id="answers")

    def show(self, scene: Scene) -> None:
        """The server as of the frame, and what it says now."""
        if scene.live:
            self.inquire(_said, self._take, every=ASK_EVERY_S)
        lines = known_lines(scene.frame.server, scene.pen)
        if scene.live and self._refused:
            lines.append((("this user may not ask the server what it does (INFO)", "dim"),))
        elif scene.live:
            lines += said_lines(self._info, self._cpu)
        else:
            lines.append((("clients, load and persistence: live only", "dim"),))
        self.query_one("#figures", Lines).show(lines)
        answers = self.query_one("#answers", Lines)
        answers.show(answer_lines(scene, answers.size.width))

    def _take(self, info: dict[str, str] | None) -> None:
        self._refused = info is None
        before, self._info = self._info, info or {}
        self._cpu = cpu_share(before, self._info)
        self.stage.draw()

    def subject(self) -> str:
        """Kind and version."""
        return " ".join(filter(None, (self._info.get("server_name"), self._info.get("redis_version"))))

    def command(self) -> str:
        """What is wrong with it, if anything."""
        return "taskq doctor"


def _said(client: Client) -> dict[str, str] | None:
    """What it says; None when this user may not ask."""
    try:
        return client.info()
    except AccessDenied:
        return None


def known_lines(server: ServerInfo | None, pen: Pen) -> list[Line]:
    """What each frame knows."""
    if server is None:
        return [(("nothing is known of the server at this time", "dim"),)]
    safe = server.eviction in ("noeviction", "")
    lines: list[Line] = [
        _line("server", f"{server.kind} {server.version}, {server.mode}", "strong"),
        _memory(server, pen),
        _line("eviction", server.eviction + ("" if safe else ": it may throw jobs away; set noeviction"),
              "" if safe else "bad"),
    ]  # fmt: skip
    return lines


def _memory(server: ServerInfo, pen: Pen) -> Line:
    if not server.max_memory:
        return _line("memory", f"{size(server.used_memory)}; no limit is set", "")
    part = server.used_memory / server.max_memory
    full, empty = ("#", ".") if pen.ascii_only else ("█", "░")
    cells = min(BAR, round(part * BAR))
    look = "bad" if part > FULL else "good"
    text = f" {size(server.used_memory)} of {size(server.max_memory)}, {share(part)}%"
    return (("memory".ljust(LABEL), "dim"), (full * cells, look), (empty * (BAR - cells), "dim"), (text, ""))


def said_lines(info: Mapping[str, str], cpu: float | None) -> list[Line]:
    """What the server says of itself when it is asked."""
    if not info:
        return [(("asking the server …", "dim"),)]
    said = info.get
    role = said("role", "")
    replica = role not in ("", "master")
    return [
        _line("up", f"{span(_number(info, 'uptime_in_seconds'))}; role {role}", "bad" if replica else ""),
        _line("clients", f"{said('connected_clients', '?')} connected, {said('blocked_clients', '?')} wait"
              " in a blocking command", ""),
        _line("load", f"{short(_number(info, 'instantaneous_ops_per_sec'))} commands/s, "
              f"in {size(_number(info, 'instantaneous_input_kbps') * 1024)}/s, "
              f"out {size(_number(info, 'instantaneous_output_kbps') * 1024)}/s", ""),
        _line("cpu", "…" if cpu is None else f"{share(cpu)}% of a core", "warn" if (cpu or 0) > FULL else ""),
        _line("peak memory", f"{size(_number(info, 'used_memory_peak'))}; fragmentation "
              f"{said('mem_fragmentation_ratio', '?')}", ""),
        *_persistence(info),
        _line("evicted", f"{said('evicted_keys', '0')} keys", "bad" if _number(info, "evicted_keys") else ""),
        _line("rejected", f"{said('rejected_connections', '0')} connections",
              "bad" if _number(info, "rejected_connections") else ""),
    ]  # fmt: skip


def _persistence(info: Mapping[str, str]) -> list[Line]:
    aof = info.get("aof_enabled") == "1"
    lost = info.get("aof_last_write_status", "ok") != "ok" or info.get("rdb_last_bgsave_status", "ok") != "ok"
    text = "append-only file" if aof else "no append-only file: a crash loses jobs since the last snapshot"
    lines = [_line("persistence", text, "" if aof else "warn")]
    if lost:
        lines.append(_line("", "the last write to disk failed", "bad"))
    return lines


def answer_lines(scene: Scene, width: int) -> list[Line]:
    """How long the server took to answer, over the last quarter of an hour."""
    cells = max(10, width - LABEL)
    end = scene.frame.at.timestamp()
    values = [0.0] * cells
    for frame in scene.store.frames:
        back = end - frame.at.timestamp()
        if 0 <= back < CHART_S:
            cell = cells - 1 - int(back / CHART_S * cells)
            values[cell] = max(values[cell], frame.rtt_s)
    marks = ["answer time", span(scene.frame.rtt_s), f"top {span(max(values))}", "", ""]
    drawn = plot(values, cells, 4, scene.pen)
    return [((f"{mark:<{LABEL}}", "dim"), (line, "accent")) for mark, line in zip(marks, drawn, strict=False)]


def cpu_share(before: Mapping[str, str], after: Mapping[str, str]) -> float | None:
    """The share of a core that the server used between two answers."""
    spent = [sum(_number(info, f"used_cpu_{kind}") for kind in ("sys", "user")) for info in (before, after)]
    # whole seconds alone are told exactly; the server's own clock has microseconds
    took = (_number(after, "server_time_usec") - _number(before, "server_time_usec")) / 1e6
    return (spent[1] - spent[0]) / took if took > 0 and before else None


def _number(info: Mapping[str, str], name: str) -> float:
    try:
        return float(info.get(name, ""))
    except ValueError:
        return 0.0


def _line(label: str, text: str, look: str) -> Line:
    return ((label.ljust(LABEL), "dim"), (text, look))
