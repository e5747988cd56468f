"""The command line: every subcommand of `gymlocker`, one module per group.

A new subcommand belongs here, in the module of its group; the work it runs belongs in its own
program next to this folder.

    app.py             up, serve, migrate, web, gateway, demo; and the entry point
    operation.py       config, doctor, health
    accounts.py        register, login, logout
    workouts.py        workouts list, stats, add, export, import
    options.py         options shared by several commands
    client_command.py  helpers shared by the commands of accounts.py and workouts.py

Commands import what they run when they are called, so that `--help` stays fast.
"""
