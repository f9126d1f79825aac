"""Lua scripts with one line broken, to see whether a test notices: `python -m tests.mutants`."""
