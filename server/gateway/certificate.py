"""The certificate that the front door shows, from files that may be renewed while it runs.

Envoy is told of the files in a file of its own (SDS), since only then does it read them again: when
something is moved into their folder, as `mv` does, and Kubernetes with its secrets.
"""

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.errors import StartError

NAME = "certificate"
# What can be read by nobody but the two, also later when a key was stolen.
CIPHER_SUITES = (
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets"


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
            raise StartError(
                f"--tls-cert {self.chain} and --tls-key {self.key} do not go together: one is not "
                f"PEM, or the key is another one's, or has a password ({error.reason})."
            ) from None
        except OSError as error:
            raise StartError(
                f"--tls-cert {self.chain} or --tls-key {self.key} cannot be read "
                f"({error.strerror})."
            ) from None


def certificate_of(chain: Path | None, key: Path | None) -> Certificate | None:
    """The certificate that two options name; None if neither does. Raises StartError."""
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise StartError("--tls-cert and --tls-key belong together: give both, or neither.")
    return Certificate(chain.absolute(), key.absolute())


def told_of(certificate: Certificate, file: Path) -> Path:
    """Writes the `file` that tells Envoy of the certificate; returns it."""
    secret = {
        "@type": f"{_SOCKETS}.tls.v3.Secret",
        "name": NAME,
        "tls_certificate": {
            "certificate_chain": {"filename": str(certificate.chain)},
            "private_key": {"filename": str(certificate.key)},
            "watched_directory": {"path": str(certificate.chain.parent)},
        },
    }
    file.write_text(json.dumps({"resources": [secret]}))
    return file


def transport_socket(file: Path) -> dict[str, Any]:
    """What makes a listener speak TLS with the certificate that `file` tells of."""
    kind = {"@type": f"{_SOCKETS}.tls.v3.DownstreamTlsContext"}
    context = _downstream(file, "h2", "http/1.1")
    return {"name": "envoy.transport_sockets.tls", "typed_config": kind | context}


def quic_transport_socket(file: Path) -> dict[str, Any]:
    """The same for a listener that speaks QUIC."""
    quic = {
        "@type": f"{_SOCKETS}.quic.v3.QuicDownstreamTransport",
        "downstream_tls_context": _downstream(file, "h3"),
        # What comes before the handshake is over could be sent a second time by anybody.
        "enable_early_data": False,
    }
    return {"name": "envoy.transport_sockets.quic", "typed_config": quic}


def _downstream(file: Path, *protocols: str) -> dict[str, Any]:
    source = {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
    return {
        "common_tls_context": {
            "alpn_protocols": list(protocols),
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
                "cipher_suites": list(CIPHER_SUITES),
            },
            "tls_certificate_sds_secret_configs": [{"name": NAME, "sds_config": source}],
        },
    }
