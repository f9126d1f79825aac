"""When a schedule is due: `*/5 * * * *`, `@daily`, `every 30s` as times. No I/O, no clock.

A cron line speaks of a clock on a wall, and twice a year that clock is turned. The rule is Debian cron's:

- with fixed hours and minutes (`30 2 * * *`) each day counts once. A time that the clock skips is due where
  the gap ends; one that it shows twice is due the first time.
- with ``*`` or ``*/n`` as hour or minute (`0 * * * *`) real time counts: hours that do not exist are left
  out, one that comes twice is due twice.

cronsim says which wall times match; it is never told of a time zone. `every` counts from 1970 in UTC, so
each worker finds the same times, and a new start shifts none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from taskq_core.clock import instant_ms, moment, to_ms
from taskq_core.errors import InvalidOption

if TYPE_CHECKING:
    from cronsim import CronSim

MAX_CHARACTERS: Final = 200
LEAST_MS: Final = 1_000
MOST_MS: Final = 366 * 24 * 3600 * 1000
COUNTED: Final = 1_000
"""Times of a cron line that one look goes through: what was missed beyond them is not counted."""

ALIASES: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_FIELDS: Final = (
    ("second", "0-59"), ("minute", "0-59"), ("hour", "0-23"), ("day of month", "1-31, L, LW"),
    ("month", "1-12, JAN-DEC"), ("day of week", "0-7, SUN-SAT, 5L, MON#1"),
)  # fmt: skip
_UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_PART: Final = re.compile(r"([0-9]{1,15})(ms|s|m|h|d|w)")
_SPAN: Final = re.compile(rf"(?:{_PART.pattern})+")
_WINDOWS_MS: Final = tuple(60_000 * 8**n for n in range(12))


class Timetable(Protocol):
    """The times of a schedule, in ms since 1970."""

    def after(self, ms: int) -> int | None:
        """The first time after that; None when there is none."""
        ...

    def between(self, start: int, end: int, most: int) -> tuple[list[int], int]:
        """At most ``most`` of the latest times in (start, end], in order, and how many there are in all."""
        ...


@lru_cache(maxsize=1024)
def timetable(spec: str, tz: str = "UTC") -> Timetable:
    """The times that a spec means in a time zone. Raises: InvalidOption, with what is wrong and where.

    A cron line has five fields, or six with seconds first; `@hourly` and the like stand for one. `every 30s`
    is a span of 1 s to 366 days. A line that never comes true is refused.
    """
    words = _checked(spec).split()
    if words[0].lower() == "every":
        return Every(_period(spec, words[1:]))
    zone_of = zone(tz)
    found = Cron(_line(spec, words), zone_of)
    if found.after(instant_ms(datetime(2000, 1, 1, tzinfo=UTC))) is None:
        raise InvalidOption(
            f"cron {spec!r} never comes true", hint="There is no such day, such as 30 February"
        )
    return found


def _checked(spec: str) -> str:
    if not isinstance(spec, str) or not spec.strip() or not spec.isprintable():
        raise InvalidOption(
            "a schedule needs a cron line or a span",
            hint="For example '*/5 * * * *', '@daily' or 'every 30s'",
        )
    if len(spec) > MAX_CHARACTERS:
        raise InvalidOption(f"a schedule of {len(spec)} characters is longer than {MAX_CHARACTERS}")
    return spec


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises: InvalidOption, with names that are nearly the same."""
    from zoneinfo import ZoneInfo

    if name == "UTC":
        return UTC
    try:
        if not isinstance(name, str) or not name.isascii() or not name.isprintable():
            raise ValueError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidOption(f"unknown time zone {str(name)[:80]!r}", hint=_near(str(name))) from None


def _near(name: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = {each.lower(): each for each in available_timezones()}
    wanted = name[:80].lower().replace(" ", "_")
    cities = sorted(each for low, each in known.items() if low.rpartition("/")[2] == wanted)
    near = cities or [known[low] for low in get_close_matches(wanted, sorted(known), n=3, cutoff=0.6)]
    if near:
        return f"Did you mean {' or '.join(near[:3])}?"
    return "A name of the IANA list, such as Europe/Berlin or America/New_York, or UTC"


# -- every ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Every:
    """Each multiple of a span since 1970."""

    period: int

    def after(self, ms: int) -> int | None:
        """The first time after that."""
        return (ms // self.period + 1) * self.period

    def between(self, start: int, end: int, most: int) -> tuple[list[int], int]:
        """The latest times in (start, end], and how many there are."""
        last = end // self.period
        count = max(0, last - start // self.period)
        return [(last - back) * self.period for back in range(min(most, count) - 1, -1, -1)], count


def _period(spec: str, words: list[str]) -> int:
    written = "".join(words).lower()
    if not _SPAN.fullmatch(written):
        raise InvalidOption(
            f"{spec!r} names no span", hint="Write every 30s, every 15m, every 1h30m or every 1d"
        )
    ms = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(written))
    if not LEAST_MS <= ms <= MOST_MS:
        raise InvalidOption(f"{spec!r} is out of range", hint="From every 1s to every 366d")
    return ms


# -- cron -------------------------------------------------------------------------------------------


def _line(spec: str, words: list[str]) -> str:
    """Five or six checked fields. Raises: InvalidOption, for the first one that is wrong."""
    if words[0].startswith("@"):
        line = ALIASES.get(spec.strip().lower())
        if line is None:
            raise InvalidOption(
                f"unknown schedule {spec!r}", hint=f"One of: {', '.join(ALIASES)}, or every 30s"
            )
        return line
    if len(words) not in (5, 6):
        raise InvalidOption(
            f"cron {spec!r} has {len(words)} fields, not 5 (or 6 with seconds first)",
            hint="minute hour day-of-month month day-of-week, for example '30 2 * * *'; or every 30s",
        )
    first = 6 - len(words)
    for place, word in enumerate(words):
        _check_field(spec, first + place, word, _column(spec, place))
    if not _makes(words):
        raise InvalidOption(
            f"cron {spec!r} never comes true: {_FIELDS[3][0]} {words[-3]!r} is in none of its months",
            hint="Write L for the last day of a month",
        )
    return " ".join(words)


def _check_field(spec: str, field: int, word: str, column: int) -> None:
    for term in word.split(","):
        fields = ["*"] * 6
        fields[field] = term
        if not _makes(fields):
            name, allowed = _FIELDS[field]
            raise InvalidOption(
                f"cron {spec!r}: {term!r} at column {column} is no {name}",
                hint=f"Allowed: {allowed}; * for all, */5 for each fifth, 1-5 for a range, 1,3 for a list",
            )
        column += len(term) + 1


def _column(spec: str, place: int) -> int:
    return [match.start() for match in re.finditer(r"\S+", spec)][place] + 1


def _makes(words: list[str]) -> bool:
    try:
        _simulation(" ".join(words), datetime(2000, 1, 1))  # noqa: DTZ001 - a wall time
    except (ValueError, AssertionError, _cron_error()):
        return False
    return True


def _simulation(line: str, wall: datetime) -> CronSim:
    from cronsim import CronSim

    return CronSim(line, wall)


def _cron_error() -> type[Exception]:
    from cronsim import CronSimError

    return CronSimError


class Cron:
    """The instants at which a clock in a time zone shows what a cron line asks for."""

    def __init__(self, line: str, tz: tzinfo) -> None:
        self._line = line
        self._tz = tz
        minute, hour = line.split()[-5:-3]
        self._fixed = not minute.startswith("*") and not hour.startswith("*")

    def after(self, ms: int) -> int | None:
        """The first time after that; None when fifty years hold none."""
        return next(self._from(ms), None)

    def between(self, start: int, end: int, most: int) -> tuple[list[int], int]:
        """The latest times in (start, end], and how many there are: no more than `COUNTED` are counted."""
        latest = self._some(start, end)
        if len(latest) <= COUNTED:
            return latest[-most:], len(latest)
        latest = []
        for window in _WINDOWS_MS:
            some = self._some(max(start, end - window), end)
            if len(some) > COUNTED:
                break  # the narrower window has the latest ones
            latest = some
            if len(latest) >= most:
                break
        return latest[-most:], COUNTED

    def _some(self, start: int, end: int) -> list[int]:
        found: list[int] = []
        for time in self._from(start):
            if time > end or len(found) > COUNTED:
                break
            found.append(time)
        return found

    def _from(self, ms: int) -> Iterator[int]:
        """All times after that, in order."""
        while True:
            found = self._first_fixed(ms) if self._fixed else self._first_real(ms)
            if found is None:
                return
            yield found
            ms = found

    def _walls(self, wall: datetime) -> Iterator[datetime]:
        """The matching wall times after one."""
        if wall.year > 9_900:  # datetime ends soon
            return iter(())
        return iter(_simulation(self._line, wall))

    def _wall(self, ms: int) -> datetime:
        return moment(ms).astimezone(self._tz)

    def _first_fixed(self, ms: int) -> int | None:
        for wall in self._walls(self._wall(ms).replace(tzinfo=None, fold=0)):
            aware = wall.replace(tzinfo=self._tz)
            found = instant_ms(aware) if _exists(aware) else _end_of_gap(aware)
            if found > ms:  # not the first showing of a wall time that is shown again now
                return found
        return None

    def _first_real(self, ms: int) -> int | None:
        here = self._wall(ms)
        twice = _repeat(here)
        if twice and here.fold == 0:
            found = self._in_first_showing(here)
            return found if found is not None else self._in_second_showing(here, ms, twice)
        return self._later(here, ms)

    def _later(self, here: datetime, ms: int) -> int | None:
        for wall in self._walls(here.replace(tzinfo=None, fold=0)):
            aware = wall.replace(tzinfo=self._tz)
            if here.fold and _repeat(aware) and instant_ms(aware) <= ms:
                aware = aware.replace(fold=1)  # still in the second showing
            if _exists(aware) and (found := instant_ms(aware)) > ms:
                return found
        return None

    def _in_first_showing(self, here: datetime) -> int | None:
        wall = next(self._walls(here.replace(tzinfo=None, fold=0)), None)
        aware = None if wall is None else wall.replace(tzinfo=self._tz)
        return instant_ms(aware) if aware is not None and _repeat(aware) else None

    def _in_second_showing(self, here: datetime, ms: int, twice: timedelta) -> int | None:
        start = here.replace(tzinfo=None, fold=0) - twice - timedelta(seconds=1)
        for wall in self._walls(start):
            again = wall.replace(tzinfo=self._tz, fold=1)
            if _exists(again) and (found := instant_ms(again)) > ms:
                return found
        return None


def _exists(aware: datetime) -> bool:
    """Whether the clock ever shows this wall time."""
    shown = aware.astimezone(UTC).astimezone(aware.tzinfo)
    return shown.replace(tzinfo=None, fold=0) == aware.replace(tzinfo=None, fold=0)


def _repeat(aware: datetime) -> timedelta | None:
    """By how much the clock is turned back, where it shows this wall time twice; else None."""
    back = _offset(aware.replace(fold=0)) - _offset(aware.replace(fold=1))
    return back if back > timedelta(0) else None


def _end_of_gap(aware: datetime) -> int:
    """The instant at which the clock jumps over this wall time."""
    early, late = instant_ms(aware.replace(fold=1)), instant_ms(aware.replace(fold=0))
    after = _offset(moment(late).astimezone(aware.tzinfo))
    while late - early > 1000:
        middle = (early + late) // 2000 * 1000
        if _offset(moment(middle).astimezone(aware.tzinfo)) == after:
            late = middle
        else:
            early = middle
    return late


def _offset(aware: datetime) -> timedelta:
    return aware.utcoffset() or timedelta(0)


def span_text(span: str | timedelta) -> str:
    """A span as `every` takes it. Raises: InvalidOption, for one that is no whole number of ms."""
    if isinstance(span, str):
        return span
    if span % timedelta(milliseconds=1):
        raise InvalidOption(f"a span is a whole number of ms, not {span}")
    return f"{to_ms(span)}ms"
