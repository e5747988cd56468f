"""Verifiers of the configured stores.

A store without settings has no verifier, and its tokens are refused. A store with incomplete
settings prevents the start: otherwise nobody would notice before a buyer is refused.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from pydantic import SecretStr

from server.errors import StartError
from server.libraries.settings import PurchaseSettings
from server.libraries.settings.files import content_of, listed
from server.services.ai.purchase.model import Store, Verifier, parse_credentials
from server.services.ai.purchase.revenuecat import RevenueCatVerifier
from server.services.ai.purchase.store_client import StoreClient
from server.services.ai.purchase.web import WebVerifier

if TYPE_CHECKING:
    from server.services.ai.purchase.apple_receipts import Receipts
    from server.services.ai.purchase.apple_transactions import SignedTransactions, TransactionLookup
    from server.services.ai.purchase.google import ServiceAccount

Clock = Callable[[], float]


def verifiers(
    settings: PurchaseSettings, http: httpx2.AsyncClient, *, now: Clock = time.time
) -> Mapping[Store, Verifier]:
    """Return the verifiers. Raises StartError, which names the missing or wrong settings.

    The caller closes `http`. `now` returns seconds since 1970.
    """
    found: dict[Store, Verifier | None] = {
        Store.WEB: _web(settings),
        Store.GOOGLE: _google(settings, StoreClient(http, Store.GOOGLE), now),
        Store.APPLE: _apple(settings, StoreClient(http, Store.APPLE), now),
        Store.REVENUE_CAT: _revenuecat(settings, StoreClient(http, Store.REVENUE_CAT), now),
    }
    return {store: verifier for store, verifier in found.items() if verifier is not None}


def _web(settings: PurchaseSettings) -> Verifier | None:
    key = settings.web_auth_api_key
    if key is None:
        return None
    if parse_credentials(f"Web {key.get_secret_value()}") != (Store.WEB, key.get_secret_value()):
        raise StartError(
            "WEB_AUTH_API_KEY: must be visible ASCII characters, which fit into a header."
        )
    return WebVerifier(key)


def _google(settings: PurchaseSettings, client: StoreClient, now: Clock) -> Verifier | None:
    package, product = settings.google_package_name, settings.google_product_id
    file, subscription = settings.google_service_account_file, settings.google_subscription_id
    names = {
        "GOOGLE_PACKAGE_NAME": package,
        "GOOGLE_PRODUCT_ID": product,
        "GOOGLE_SERVICE_ACCOUNT_FILE": file,
    }
    if not _complete(**names) and subscription is not None:
        raise _missing(*names)
    if package is None or product is None or file is None:
        return None
    # Google's and Apple's libraries are large, so they are only loaded if needed.
    from server.services.ai.purchase.google import GoogleVerifier

    account = _service_account(file)
    return GoogleVerifier(
        client, settings.google_api_url, package, product, subscription or product, account, now
    )


def _service_account(file: Path) -> "ServiceAccount":
    from server.services.ai.purchase.google import ServiceAccount

    setting = "GOOGLE_SERVICE_ACCOUNT_FILE"
    try:
        return ServiceAccount(json.loads(content_of(setting, file)))
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        # Without the error's text, which may quote the key.
        raise StartError(f"{setting}: {file} is not the JSON key of a service account.") from None


def _apple(settings: PurchaseSettings, client: StoreClient, now: Clock) -> Verifier | None:
    bundle, roots = settings.apple_bundle_id, settings.apple_root_certificates
    secret, key_file = settings.apple_shared_secret, settings.apple_private_key_file
    has_key = _complete(
        APPLE_ISSUER_ID=settings.apple_issuer_id,
        APPLE_KEY_ID=settings.apple_key_id,
        APPLE_PRIVATE_KEY_FILE=key_file,
    )
    if not has_key and bundle is None and roots is None and secret is None:
        return None
    if bundle is None:
        raise _missing("APPLE_BUNDLE_ID")
    if roots is None and (has_key or secret is None):
        raise _missing("APPLE_ROOT_CERTIFICATES")
    from server.services.ai.purchase.apple import AppleVerifier

    signed = _signed_transactions(settings, bundle, roots, now) if roots else None
    lookup = _lookup(settings, bundle, key_file, client, signed) if key_file and signed else None
    return AppleVerifier(
        signed, lookup, _receipts(settings, bundle, secret, client, now) if secret else None
    )


def _signed_transactions(
    settings: PurchaseSettings, bundle: str, roots: Path, now: Clock
) -> "SignedTransactions":
    from server.services.ai.purchase.apple_transactions import SignedTransactions

    return SignedTransactions(
        _certificates(roots), bundle, _products(settings), sandbox=settings.apple_sandbox, now=now
    )


def _lookup(
    settings: PurchaseSettings,
    bundle: str,
    key_file: Path,
    client: StoreClient,
    signed: "SignedTransactions",
) -> "TransactionLookup":
    from server.services.ai.purchase.apple_transactions import ApiKey, TransactionLookup

    key = ApiKey(
        settings.apple_issuer_id or "", settings.apple_key_id or "", _private_key(key_file), bundle
    )
    urls = [settings.apple_api_url]
    if settings.apple_sandbox:
        urls.append(settings.apple_sandbox_api_url)
    return TransactionLookup(client, urls, key, signed)


def _receipts(
    settings: PurchaseSettings, bundle: str, secret: SecretStr, client: StoreClient, now: Clock
) -> "Receipts":
    from server.services.ai.purchase.apple_receipts import Receipts

    return Receipts(
        client,
        settings.apple_receipt_url,
        settings.apple_sandbox_receipt_url if settings.apple_sandbox else None,
        secret,
        bundle,
        _products(settings),
        now,
    )


def _revenuecat(settings: PurchaseSettings, client: StoreClient, now: Clock) -> Verifier | None:
    key, entitlement = settings.revenuecat_api_key, settings.revenuecat_entitlement_id
    names = {"REVENUECAT_API_KEY": key, "REVENUECAT_ENTITLEMENT_ID": entitlement}
    project = settings.revenuecat_project_id
    if not _complete(**names) and project is not None:
        raise _missing(*names)
    if key is None or entitlement is None:
        return None
    return RevenueCatVerifier(client, settings.revenuecat_url, key, entitlement, project, now)


def _complete(**values: object) -> bool:
    """Check whether all values are set. Raises StartError if only some of them are."""
    missing = [name for name, value in values.items() if value is None]
    if missing and len(missing) < len(values):
        raise _missing(*missing)
    return not missing


def _missing(*names: str) -> StartError:
    verb, pronoun = ("is", "it") if len(names) == 1 else ("are", "them")
    return StartError(
        f"{' and '.join(names)} {verb} missing: the store cannot be used without {pronoun}."
    )


def _products(settings: PurchaseSettings) -> frozenset[str]:
    return frozenset(listed(settings.apple_product_ids))


def _certificates(folder: Path) -> list[bytes]:
    """Return the certificates in a folder of DER and PEM files, in DER form."""
    setting = "APPLE_ROOT_CERTIFICATES"
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    except OSError as error:
        raise StartError(f"{setting}: {folder} cannot be read ({error.strerror}).") from None
    if not files:
        raise StartError(f"{setting}: {folder} contains no certificate ({', '.join(_SUFFIXES)}).")
    return [_certificate(setting, path).public_bytes(Encoding.DER) for path in files]


_SUFFIXES = (".cer", ".crt", ".der", ".pem")


def _certificate(setting: str, path: Path) -> x509.Certificate:
    content = content_of(setting, path)
    try:
        if b"BEGIN CERTIFICATE" in content:
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise StartError(f"{setting}: {path} is not a certificate.") from None


def _private_key(path: Path) -> EllipticCurvePrivateKey:
    setting = "APPLE_PRIVATE_KEY_FILE"
    try:
        key = load_pem_private_key(content_of(setting, path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise StartError(f"{setting}: {path} is not a private key from Apple (.p8).")
