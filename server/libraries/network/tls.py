"""Certificates and keys, from files that may be renewed while the process runs.

A Certificate is presented by one side of a connection. An Identity is for mutual TLS, between Envoy
or the web process and the workers: a certificate, and the authority that signed the other side's.
"""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError
from server.libraries.network.address import unix_path


@dataclass(frozen=True)
class Certificate:
    """The PEM files of a certificate chain and its key."""

    chain: Path
    key: Path

    def __post_init__(self) -> None:
        """Check that the files match and have no password. Raises StartError."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.chain,
                self.key,
                # Don't prompt for a passphrase.
                password="",
            )
        except ssl.SSLError as error:
            # Files that are not PEM have no reason.
            reason = f" ({error.reason})" if error.reason else ""
            raise StartError(
                f"The certificate {self.chain} and the key {self.key} do not match: one is not "
                f"PEM, or the key belongs to another certificate or has a password{reason}."
            ) from None
        except OSError as error:
            raise StartError(
                f"The certificate {self.chain} or the key {self.key} cannot be read "
                f"({error.strerror})."
            ) from None


@dataclass(frozen=True)
class Pems:
    """The contents of the files of an Identity."""

    chain: bytes
    key: bytes
    authority: bytes


@dataclass(frozen=True)
class Identity:
    """A certificate to present, and `authority`, the file that verifies the other side's."""

    certificate: Certificate
    authority: Path

    def __post_init__(self) -> None:
        """Check that the authority's file contains a certificate. Raises StartError."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(self.authority)
        except ssl.SSLError:
            raise StartError(f"{self.authority} contains no PEM certificate.") from None
        except OSError as error:
            raise StartError(f"{self.authority} cannot be read ({error.strerror}).") from None

    def read(self) -> Pems:
        """Read the files. Raises OSError."""
        return Pems(
            self.certificate.chain.read_bytes(),
            self.certificate.key.read_bytes(),
            self.authority.read_bytes(),
        )


class Renewal:
    """Detects that the files of an Identity were renewed. `current` is in use."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.current = identity.read()

    def renewed(self) -> Pems | None:
        """Return the new contents, now `current`; None if unchanged or incomplete."""
        try:
            found = self._identity.read()
            if found == self.current:
                return None
            # One file may be replaced before the other; then the next check succeeds.
            Identity(
                Certificate(self._identity.certificate.chain, self._identity.certificate.key),
                self._identity.authority,
            )
        except (OSError, StartError):
            return None
        self.current = found
        return found


def certificate_of(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return the certificate from two options; None if neither is set. Raises StartError."""
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
    """Return the identity from three options, for TLS at `addresses`; None if none is set.

    Raises StartError.
    """
    given = [file.absolute() for file in (chain, key, authority) if file]
    if not given:
        return None
    if len(given) < 3:
        raise StartError(f"{options} belong together: give all three, or none.")
    if any(unix_path(address) is not None for address in addresses):
        raise StartError(f"{options} are for host:port only: remove them for a unix socket.")
    return Identity(Certificate(given[0], given[1]), given[2])
