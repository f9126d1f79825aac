"""Builders of commands that change something: no I/O, each returns a `Command`."""
