"""`python -m taskq_cli`: the same as the command `taskq`."""

from taskq_cli.app import main

main()
