"""Certificates and keys, from files that may be renewed while we run.

A Certificate is what one side of a connection shows. An Identity is what both sides need where each
asks for the other's: mutual TLS, between the front door or the web process and the workers.
"""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError
from server.libraries.network.address import unix_path


@dataclass(frozen=True)
class Certificate:
    """The files: the certificate with those that lead to its root, and its key, both PEM."""

    chain: Path
    key: Path

    def __post_init__(self) -> None:
        """Raises StartError if they are not what they should be."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.chain,
                self.key,
                # Nobody is there to be asked for one.
                password="",
            )
        except ssl.SSLError as error:
            # What is no PEM at all has no reason.
            reason = f" ({error.reason})" if error.reason else ""
            raise StartError(
                f"The certificate {self.chain} and the key {self.key} do not go together: one is "
                f"not PEM, or the key is another one's, or has a password{reason}."
            ) from None
        except OSError as error:
            raise StartError(
                f"The certificate {self.chain} or the key {self.key} cannot be read "
                f"({error.strerror})."
            ) from None


@dataclass(frozen=True)
class Pems:
    """What the files of an Identity hold."""

    chain: bytes
    key: bytes
    authority: bytes


@dataclass(frozen=True)
class Identity:
    """What we show, and `authority`, a file of the certificates that have signed the others'."""

    certificate: Certificate
    authority: Path

    def __post_init__(self) -> None:
        """Raises StartError if there is no certificate in the file."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(self.authority)
        except ssl.SSLError:
            raise StartError(f"There is no certificate, as PEM, in {self.authority}.") from None
        except OSError as error:
            raise StartError(f"{self.authority} cannot be read ({error.strerror}).") from None

    def read(self) -> Pems:
        """What the files hold now. Raises OSError."""
        return Pems(
            self.certificate.chain.read_bytes(),
            self.certificate.key.read_bytes(),
            self.authority.read_bytes(),
        )


class Renewal:
    """Notices that the files of an Identity were renewed. `current` is what is in use."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.current = identity.read()

    def renewed(self) -> Pems | None:
        """What is to be used from now on; None if it is the same, or not yet whole."""
        try:
            found = self._identity.read()
            if found == self.current:
                return None
            # One of the files may be there before the other: then it is asked again.
            Identity(
                Certificate(self._identity.certificate.chain, self._identity.certificate.key),
                self._identity.authority,
            )
        except (OSError, StartError):
            return None
        self.current = found
        return found


def certificate_of(chain: Path | None, key: Path | None) -> Certificate | None:
    """The certificate that two options name; None if neither does. Raises StartError."""
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise StartError("--tls-cert and --tls-key belong together: give both, or neither.")
    return Certificate(chain.absolute(), key.absolute())


def identity_of(
    chain: Path | None,
    key: Path | None,
    authority: Path | None,
    options: str,
    addresses: Iterable[str],
) -> Identity | None:
    """The identity that three options name, for TLS at `addresses`; None if none does.

    Raises StartError.
    """
    given = [file.absolute() for file in (chain, key, authority) if file]
    if not given:
        return None
    if len(given) < 3:
        raise StartError(f"{options} belong together: give all three, or none.")
    if any(unix_path(address) is not None for address in addresses):
        raise StartError(f"{options} are for host:port: a unix socket needs none of it.")
    return Identity(Certificate(given[0], given[1]), given[2])
