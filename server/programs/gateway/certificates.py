"""What Envoy is told of certificates, whose files may be renewed while it runs.

It is told of the files in a file of its own (SDS), since only then does it read them again: when
something is moved into their folder, as `mv` does, and Kubernetes with its secrets.
"""

import json
from pathlib import Path
from typing import Any

from server.libraries.network.tls import Certificate, Identity

NAME = "certificate"
AUTHORITY = "authority"
# What can be read by nobody but the two, also later when a key was stolen.
CIPHER_SUITES = (
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets"


def write_sds_secret(certificate: Certificate, file: Path) -> Path:
    """Writes the `file` that tells Envoy of the certificate; returns it."""
    chain, key = certificate.chain, certificate.key
    told = {
        "certificate_chain": {"filename": str(chain)},
        "private_key": {"filename": str(key)},
        "watched_directory": {"path": str(chain.parent)},
    }
    return _written(file, {"name": NAME, "tls_certificate": told})


def write_sds_identity(identity: Identity, folder: Path) -> tuple[Path, Path]:
    """Writes what tells Envoy who it is to the workers, and who has signed theirs."""
    authority = {
        "trusted_ca": {"filename": str(identity.authority)},
        "watched_directory": {"path": str(identity.authority.parent)},
    }
    return (
        write_sds_secret(identity.certificate, folder / "identity.yaml"),
        _written(folder / "authority.yaml", {"name": AUTHORITY, "validation_context": authority}),
    )


def _written(file: Path, secret: dict[str, Any]) -> Path:
    kind = {"@type": f"{_SOCKETS}.tls.v3.Secret"}
    file.write_text(json.dumps({"resources": [kind | secret]}))
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


def upstream_transport_socket(certificate: Path, authority: Path) -> dict[str, Any]:
    """What makes Envoy speak mutual TLS; the two files are those of `told_of_identity`.

    Each worker's certificate must be for the host by which the worker was found.
    """
    context = {
        "@type": f"{_SOCKETS}.tls.v3.UpstreamTlsContext",
        "auto_host_sni": True,
        "auto_sni_san_validation": True,
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_3",
                "tls_maximum_protocol_version": "TLSv1_3",
            },
            "tls_certificate_sds_secret_configs": [_source(NAME, certificate)],
            "validation_context_sds_secret_config": _source(AUTHORITY, authority),
        },
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _downstream(file: Path, *protocols: str) -> dict[str, Any]:
    return {
        "common_tls_context": {
            "alpn_protocols": list(protocols),
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
                "cipher_suites": list(CIPHER_SUITES),
            },
            "tls_certificate_sds_secret_configs": [_source(NAME, file)],
        },
    }


def _source(name: str, file: Path) -> dict[str, Any]:
    place = {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
    return {"name": name, "sds_config": place}
