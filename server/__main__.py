"""`python -m server` is the command `gymlocker`."""

from server.programs.cli.app import main

main()
