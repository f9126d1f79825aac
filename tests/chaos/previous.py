"""The engine of an earlier version, kept beside the tests: a clone without history is enough to run it.

`python -m tests.chaos.previous v0.1.0` replaces it by that of a tag or a commit; done with each release.
"""

from __future__ import annotations

import argparse
import io
import lzma
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from tests.processes import ROOT

KEPT = Path(__file__).with_name("previous.tar.xz")
FIRST_NUMBER = 10_000_000
ENOUGH = "enough"
START = """
import sys
root = sys.argv.pop(1)
sys.path.insert(0, root)
import taskq_core
assert taskq_core.__file__.startswith(root), taskq_core.__file__
from tests.chaos.previous import produce
produce(sys.argv[1])
"""


def unpack(folder: Path) -> Path:
    """Puts the package `taskq_core` of an earlier version into a folder, and returns the folder."""
    with tarfile.open(KEPT) as archive:
        archive.extractall(folder, filter="data")
    return folder


def start_producer(old: Path, ledger: Path, url: str) -> subprocess.Popen[bytes]:
    """A process of the old version that enqueues 200 jobs a second until a file ``enough`` is there."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(old), str(ledger)],
        cwd=ROOT,
        env={**os.environ, "TASKQ_REDIS_URL": url},
        stdin=subprocess.DEVNULL,
    )


def produce(folder: str) -> None:
    """What that process does."""
    from taskq_core import Client
    from tests.chaos.ledger import Ledger

    ledger, number = Ledger(Path(folder), "old-producer"), FIRST_NUMBER
    with Client(os.environ["TASKQ_REDIS_URL"], deadline=30) as client:
        while not (Path(folder) / ENOUGH).exists():
            numbers = range(number, number + 20)
            for n in numbers:
                ledger.note("intent", n)
            receipts = client.enqueue_many("chaos", "nap", [{"n": n, "s": 0.01} for n in numbers])
            for n, receipt in zip(numbers, receipts, strict=True):
                ledger.note("ok", n, job=receipt.id)
            number += 20
            time.sleep(0.1)


def main() -> None:
    """Keeps the engine of a revision."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("revision")
    revision = flags.parse_args().revision
    done = subprocess.run(
        ["git", "archive", revision, "taskq_core"], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        names = [name for name in archive.getnames() if name.endswith(".lua")]
    KEPT.write_bytes(lzma.compress(done.stdout, preset=9 | lzma.PRESET_EXTREME))
    print(f"{KEPT.name}: taskq_core of {revision} with {len(names)} scripts and parts")


if __name__ == "__main__":
    main()
