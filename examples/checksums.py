"""Checksums of files, by a plain function that runs in threads.

find /usr/share -type f | jq -cR '{path: .}' | taskq enqueue checksum - -q files
CHECKSUMS=/tmp/sums taskq worker examples.checksums:queue --burst
sha256sum --check --quiet /tmp/sums
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from taskq_core import TaskQueue

queue = TaskQueue("files", concurrency=4)


@queue.task(name="checksum", retries=1)
def checksum(path: str) -> str:
    """The file's SHA-256; also appended to the file that CHECKSUMS names, as `sha256sum` writes it."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if target := os.environ.get("CHECKSUMS"):
        append(target, sum_line(digest, path))
    return digest


def sum_line(digest: str, path: str) -> str:
    """A line of `sha256sum`: it starts with a backslash when the name had to be escaped."""
    if "\\" in path or "\n" in path:
        escaped = path.replace("\\", "\\\\").replace("\n", "\\n")
        return f"\\{digest}  {escaped}\n"
    return f"{digest}  {path}\n"


def append(target: str, line: str) -> None:
    """Adds a line in one write, so lines of several threads and processes do not mix."""
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
