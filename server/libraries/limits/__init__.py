"""Limits on what strangers can make the server store, and how often.

    rate.py               a rate, "60/600s": so many at once, then one in so many seconds
    bucket_repository.py  buckets that count rates, in the database of the rate limits
    rate_limits.py        rate limits of new users, messages to an inbox and wrong follow secrets
    quota.py              quotas of one user
    usage.py              usage of each user
    network_hash.py       hashes of networks, with a key that changes daily
    storage_meter.py      bytes that each network stores, counted in memory, flushed in batches
    free_disk.py          free space of the file system that the database is on
    interceptor.py        limits of every call that stores something

Quotas, and the limit of an inbox, are enforced by the statement that stores something: see the
repositories of events, follow secrets, shared items, inboxes and workouts.
"""
