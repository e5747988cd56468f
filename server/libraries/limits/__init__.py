"""Bounds on what strangers can make the server store, and how often.

    rate.py         "60/600s": so many at once, and then one in so many seconds
    repository.py   the buckets by which rates are counted, in the database of the rate limits
    limits.py       the rates of the contract: new users, messages to an inbox, wrong secrets
    network_key.py  the key of the day, by which networks are known and not named
    traffic.py      bytes that one network stores, counted in memory and flushed in batches
    disk.py         free space of the file system that the database is on
    interceptor.py  what holds for every call that stores something

What one user may store, and an inbox hold, is decided by the statement that stores it: see the
repositories of events, follow secrets, shared items, inboxes and workouts, and `usage.py`.
"""
