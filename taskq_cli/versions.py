"""`taskq --version`: answered without the command line around it: scripts ask it often."""

from __future__ import annotations

import sys

from taskq_core import __version__


def show_version() -> None:
    """Prints the version."""
    sys.stdout.write(f"taskq {__version__}\n")
