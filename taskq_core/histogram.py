"""Times in buckets a sixteenth of an octave wide: counts can be added over workers and minutes.

The layout is that of HdrHistogram with 4 bits of precision (Gil Tene, hdrhistogram.org): a value is
known to within a sixteenth, and is at most a thirty-second, 3 %, away from the middle of its bucket.
"""

from __future__ import annotations

from collections.abc import Mapping

_BITS = 4
_SUB = 1 << _BITS


def bucket(us: int) -> int:
    """The bucket of a time in microseconds; negative times count as 0."""
    if us < 2 * _SUB:
        return max(us, 0)
    shift = us.bit_length() - _BITS - 1
    return (shift << _BITS) + (us >> shift)


def middle_us(index: int) -> float:
    """The middle of a bucket, in microseconds."""
    if index < 2 * _SUB:
        return float(index)
    shift = (index >> _BITS) - 1
    low = (index - (shift << _BITS)) << shift
    return low + (1 << shift) / 2


def quantile_us(counts: Mapping[int, int], share: float) -> float | None:
    """The time that a share (0 to 1) of the counted values does not exceed; None when there are none."""
    total = sum(counts.values())
    if not total:
        return None
    rank, seen = max(1, round(share * total)), 0
    for index in sorted(counts):
        seen += counts[index]
        if seen >= rank:
            return middle_us(index)
    return middle_us(max(counts))
