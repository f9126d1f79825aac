"""Measurements with a server of their own: `python -m benchmarks.NAME --server redis|valkey [--json]`."""
