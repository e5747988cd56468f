"""Trusted certificates of outgoing connections, from SSL_CERT_FILE as in OpenSSL."""

import os
import ssl

from server.errors import StartError

SETTING = "SSL_CERT_FILE"


def trusted_file() -> str | None:
    """Return the file named by SSL_CERT_FILE, if any. Raises StartError if it is unusable."""
    named = os.environ.get(SETTING)
    if not named:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(named)
    except ssl.SSLError:
        raise StartError(f"{SETTING}: {named} contains no PEM certificate.") from None
    except OSError as error:
        raise StartError(f"{SETTING}: {named} cannot be read ({error.strerror}).") from None
    return named
