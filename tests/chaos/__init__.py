"""Faults made on purpose against real processes, with counted losses: see docs/reliability.md."""
