"""The command line: every subcommand of `gymlocker`, one module per group.

A new subcommand belongs here, in the module of its group; the work it runs belongs in its own
program next to this folder.

    app.py             up, serve, migrate, web, gateway, demo; and the entry point
    operation.py       config, doctor, health
    accounts.py        register, login, logout
    workouts.py        workouts list, show, add, edit, delete, stats
    workout_files.py   workouts import, export
    exercises.py       exercises, records, progress
    users.py           users list, create, reset-password, disable, enable, delete
    user_access.py     users invite, link-forward
    backups.py         backups list, get, delete
    keys.py            keys create, list, delete
    database.py        db backup, restore
    options.py         options shared by several commands
    training_options.py  options of the commands for the training log
    client_command.py  helpers shared by the commands that are clients of a server
    administration_command.py  helpers shared by the commands that work on the database itself

Commands import what they run when they are called, so that `--help` stays fast.
"""
