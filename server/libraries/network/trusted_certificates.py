"""Which certificates we trust when we ask others: those of SSL_CERT_FILE, as OpenSSL reads it."""

import os
import ssl

from server.errors import StartError

SETTING = "SSL_CERT_FILE"


def trusted_file() -> str | None:
    """The file that SSL_CERT_FILE names, if any. Raises StartError if it cannot be used."""
    named = os.environ.get(SETTING)
    if not named:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(named)
    except ssl.SSLError:
        raise StartError(f"{SETTING}: there is no certificate, as PEM, in {named}.") from None
    except OSError as error:
        raise StartError(f"{SETTING}: {named} cannot be read ({error.strerror}).") from None
    return named
