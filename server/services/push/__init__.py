"""Web Push: endpoints of users, and the pushes that wake them for their inbox.

service.py        the RPCs
repository.py     SQL of registration and confirmation
due_pushes.py     SQL of the queue: which endpoint gets a push, and when
dispatcher.py     sends what is due, beside the calls
pusher.py         one push: its contents, and the meaning of the response
http_client.py    the request, to an address that was checked
endpoint_url.py   the form of an endpoint
addresses.py      resolution of its host, and which addresses are public
device_keys.py    the keys of a device
encryption.py     encryption for it (RFC 8291)
vapid.py          the server's key and signature (RFC 8292)
"""
