"""`taskq doctor`: looks for faults of server, queues and workers."""

from __future__ import annotations

from collections import Counter

import typer

from taskq_cli.doctor.examination import examine
from taskq_cli.doctor.findings import FINDING, NOTE, PROBLEM, finding_record
from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Shared
from taskq_cli.session import Session
from taskq_cli.why.facts import many

app = new_app()

EXAMPLES = """
taskq doctor
taskq doctor -o ndjson | jq -r 'select(.severity == "problem") | .check'
"""


@leaf(app, examples=EXAMPLES)
def doctor(shared: Shared) -> None:
    """Look for faults of the server, its queues and its workers. Changes nothing.

    A finding is a problem or a note, and says what to do. Exit code 1 when there is a problem. What the user
    of this connection may not look at is a note.
    """
    with Session(shared) as session:
        writer = session.writer(FINDING)
        counts: Counter[str] = Counter()
        for finding in examine(session.client):
            counts[finding.severity] += 1
            writer.write(finding_record(finding))
            writer.flush()
        session.narrate(f"{many(counts[PROBLEM], 'problem')}, {many(counts[NOTE], 'note')}")
        if counts[PROBLEM]:
            raise typer.Exit(ExitCode.FAILED)
