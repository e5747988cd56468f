"""Accounts and the training diary from the command line: `gymlocker login`, `gymlocker workouts …`.

An ordinary gRPC client, connected through Envoy. It imports nothing from the server's services. The
commands themselves are declared in server/programs/cli.

    account.py     register, log in and log out
    diary.py       list workouts, read statistics, add a workout
    importing.py   upload a file in chunks
    exporting.py   download a file, complete or not at all
    connection.py  authenticated calls; renews the access token when necessary
    session.py     the session file
    channel.py     calls, and their errors as sentences for the user
    screen.py      formatted output
    text.py        parsing of input, and text that is safe to print
"""
