"""The views of `taskq top`, one a file."""
