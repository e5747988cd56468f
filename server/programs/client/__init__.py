"""The diary from the command line: `gymlocker login`, `gymlocker workouts …`.

A gRPC client through Envoy like any other. It imports nothing of the server but its
StartError and what it shares with the demo.

    commands.py    what can be typed
    account.py     registering, logging in and out
    diary.py       reading workouts and figures, adding one
    importing.py   sending a file, piece by piece
    exporting.py   receiving one, which is there as a whole or not at all
    connection.py  calls with the session's access token, which is renewed when it must be
    session.py     the session's file
    channel.py     the URL of a server, and what its errors mean to a person
    screen.py      how it looks
    text.py        what people type and what a terminal may be shown
"""
