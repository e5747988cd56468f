"""Accounts and the training log from the command line: `gymlocker login`, `gymlocker workouts …`.

An ordinary gRPC client, connected through Envoy. It imports nothing from the server's services. The
commands themselves are declared in server/programs/cli.

    account.py     register, log in and log out
    diary.py       list, add, change and delete workouts, read statistics
    lookup.py      find workouts by the beginning of their ids
    figures.py     read exercises, records and progress
    typed.py       workouts from arguments and options
    form.py        a workout as text to edit
    editing.py     edit a workout in the person's editor
    notation/      exercises and sets as lifters type them
    importing.py   upload a file in chunks
    exporting.py   download a file, complete or not at all
    target_file.py  files that commands write
    connection.py  authenticated calls; renews the access token when necessary
    prompts.py     prompts for answers, usernames and passwords
    session.py     the session file
    channel.py     calls, and their errors as sentences for the user
    screen/        formatted output
    text.py        parsing of input, and text that is safe to print
"""
