"""A finding: what is wrong, why that matters, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from taskq_cli.sanitize import clean
from taskq_cli.views import Record, View

PROBLEM: Final = "problem"
NOTE: Final = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """``check``: a stable word, for scripts. ``subject``: `server`, or the name of a queue or worker."""

    severity: str
    check: str
    subject: str
    what: str
    why: str
    fix: str


def _line(record: Record) -> str:
    head = f"{record['severity']} {record['check']} {clean(record['subject'])}"
    said = " ".join(text for text in (record["what"], record["why"]) if text)
    return f"{head}: {clean(said, 600)} -> {clean(record['fix'], 400)}"


FINDING: Final = View(
    schema="taskq.finding/1",
    fields=("schema", "severity", "check", "subject", "what", "why", "fix"),
    columns=("severity", "check", "subject", "what", "fix"),
    key="check",
    line=_line,
)


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as a record of `FINDING`."""
    return {
        "schema": FINDING.schema,
        "severity": finding.severity,
        "check": finding.check,
        "subject": finding.subject,
        "what": finding.what,
        "why": finding.why,
        "fix": finding.fix,
    }


def unchecked(subject: str, what: str, error: Exception) -> Finding:
    """What could not be looked at, and why."""
    return Finding(
        NOTE, "cannot_check", subject, f"{what} cannot be looked at: {error}.", "",
        getattr(error, "hint", "") or "Nothing to do, if that is meant to be so",
    )  # fmt: skip
