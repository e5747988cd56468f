"""URLs of servers, as users pass them with --url."""

from urllib.parse import urlsplit

from server.errors import StartError

DEFAULT_URL = "http://127.0.0.1:8080"


def server_url(url: str) -> str:
    """Return the URL of a server without its final slash. Raises StartError if it is not one.

    It must not have a path, because gRPC has none, nor a user name.
    """
    address = url.rstrip("/")
    try:
        parts = urlsplit(address)
        is_complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete or address != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise StartError(
            f"{url!r} is not a server URL: give --url as http://host:port or https://host:port."
        )
    return address
