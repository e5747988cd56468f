"""TLS for Envoy: transport sockets, and the SDS files that name certificates.

Envoy rereads a certificate only if a separate file names it (SDS) along with a folder to watch. It
then reloads when a file is moved into that folder, as `mv` and Kubernetes secrets do.
"""

import json
from pathlib import Path
from typing import Any

from server.libraries.network.tls import Certificate, Identity

NAME = "certificate"
AUTHORITY = "authority"
# Forward secrecy and authenticated encryption only.
CIPHER_SUITES = (
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets"


def write_sds_secret(certificate: Certificate, file: Path) -> Path:
    """Write the SDS `file` that names the certificate, and return it."""
    chain, key = certificate.chain, certificate.key
    files = {
        "certificate_chain": {"filename": str(chain)},
        "private_key": {"filename": str(key)},
        "watched_directory": {"path": str(chain.parent)},
    }
    return _write_sds(file, {"name": NAME, "tls_certificate": files})


def write_sds_identity(identity: Identity, folder: Path) -> tuple[Path, Path]:
    """Write SDS files for Envoy's own certificate and for the authority of the workers."""
    authority = {
        "trusted_ca": {"filename": str(identity.authority)},
        "watched_directory": {"path": str(identity.authority.parent)},
    }
    return (
        write_sds_secret(identity.certificate, folder / "identity.yaml"),
        _write_sds(folder / "authority.yaml", {"name": AUTHORITY, "validation_context": authority}),
    )


def _write_sds(file: Path, secret: dict[str, Any]) -> Path:
    kind = {"@type": f"{_SOCKETS}.tls.v3.Secret"}
    file.write_text(json.dumps({"resources": [kind | secret]}))
    return file


def transport_socket(sds_file: Path) -> dict[str, Any]:
    """Return the transport socket of a TLS listener."""
    kind = {"@type": f"{_SOCKETS}.tls.v3.DownstreamTlsContext"}
    context = _downstream(sds_file, "h2", "http/1.1")
    return {"name": "envoy.transport_sockets.tls", "typed_config": kind | context}


def quic_transport_socket(sds_file: Path) -> dict[str, Any]:
    """Return the transport socket of a QUIC listener."""
    quic = {
        "@type": f"{_SOCKETS}.quic.v3.QuicDownstreamTransport",
        "downstream_tls_context": _downstream(sds_file, "h3"),
        # An eavesdropper could replay data sent before the handshake is complete (0-RTT).
        "enable_early_data": False,
    }
    return {"name": "envoy.transport_sockets.quic", "typed_config": quic}


def upstream_transport_socket(certificate: Path, authority: Path) -> dict[str, Any]:
    """Return the transport socket for mutual TLS; the files are those of `write_sds_identity`.

    Each worker's certificate must be valid for the hostname by which the worker was found.
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
            "tls_certificate_sds_secret_configs": [_sds_config(NAME, certificate)],
            "validation_context_sds_secret_config": _sds_config(AUTHORITY, authority),
        },
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _downstream(sds_file: Path, *protocols: str) -> dict[str, Any]:
    return {
        "common_tls_context": {
            "alpn_protocols": list(protocols),
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
                "cipher_suites": list(CIPHER_SUITES),
            },
            "tls_certificate_sds_secret_configs": [_sds_config(NAME, sds_file)],
        },
    }


def _sds_config(name: str, file: Path) -> dict[str, Any]:
    source = {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
    return {"name": name, "sds_config": source}
