"""`python -m server` is the command `gymlocker`."""

from server.cli import main

main()
