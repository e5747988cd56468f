"""Verification of Apple's transactions, which are signed or looked up by their id.

https://developer.apple.com/documentation/appstoreserverapi/jwstransactiondecodedpayload
https://developer.apple.com/documentation/appstoreserverapi/get-transaction-info
"""

import base64
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import jwt
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier, VerificationException
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from server.services.ai.purchase.store_client import StoreClient, StoreResponse

AUDIENCE = "appstoreconnect-v1"
TOKEN_SECONDS = 300

_NOT_FOUND = 4040010
# The id is malformed or unknown.
_INVALID_ID = (4000006, 4040001)


class SignedTransactions:
    """Verification of transactions that Apple signed, without any request."""

    def __init__(
        self,
        root_certificates: Sequence[bytes],
        bundle: str,
        products: Collection[str],
        *,
        sandbox: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take root certificates in DER form. If `products` is empty, any product counts."""
        environments = [Environment.PRODUCTION, *([Environment.SANDBOX] if sandbox else [])]
        # Apple's id of the app only matters for notifications, but the library requires one. Its
        # online checks are off: they would send a blocking request to Apple for each call.
        self._verifiers = [
            SignedDataVerifier(list(root_certificates), False, environment, bundle, app_apple_id=0)
            for environment in environments
        ]
        self._products = products
        self._now = now

    def verify(self, signed: str) -> bool:
        """Check whether Apple signed the transaction, and it is a valid purchase of our app."""
        transaction = self.decode(signed)
        return transaction is not None and self.is_valid(transaction)

    def decode(self, signed: str) -> JWSTransactionDecodedPayload | None:
        """Return the transaction, or None unless Apple signed it for our app."""
        if not _is_canonical(signed):
            return None
        for verifier in self._verifiers:
            try:
                return verifier.verify_and_decode_signed_transaction(signed)
            except VerificationException:
                continue
            except Exception:
                # Signed by Apple, but not a transaction: the library raises many types of errors.
                return None
        return None

    def is_valid(self, transaction: JWSTransactionDecodedPayload) -> bool:
        """Check whether the purchase is of our products, and neither revoked nor expired."""
        return (
            bool(transaction.transactionId and transaction.productId)
            and (not self._products or transaction.productId in self._products)
            and transaction.revocationDate is None
            and (transaction.expiresDate is None or transaction.expiresDate > self._now() * 1000)
        )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Private key for the App Store Server API."""

    issuer: str
    id: str
    private: EllipticCurvePrivateKey = field(repr=False)
    bundle: str

    def token(self) -> str:
        """Return a token that authenticates us to Apple."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "aud": AUDIENCE,
            "bid": self.bundle,
        }
        return jwt.encode(claims, self.private, "ES256", {"kid": self.id})


@dataclass(frozen=True, slots=True)
class TransactionLookup:
    """Lookup in the App Store Server API, at each of `urls` in turn: production first."""

    client: StoreClient
    urls: Sequence[str]
    key: ApiKey
    signed: SignedTransactions

    async def verify(self, transaction_id: str) -> bool:
        """Check whether the transaction is a valid purchase. Raises Unavailable."""
        for url in self.urls:
            response = await self.client.get(
                f"{url}/inApps/v1/transactions/{transaction_id}", bearer=self.key.token()
            )
            if response.is_success:
                return self._is_valid(response)
            code = response.body.get("errorCode")
            if code in _INVALID_ID:
                return False
            if code != _NOT_FOUND:
                raise self.client.unavailable(
                    "unexpected error code",
                    status=response.status,
                    code=code if isinstance(code, int) else -1,
                )
        return False

    def _is_valid(self, response: StoreResponse) -> bool:
        transaction = self.signed.decode(str(response.body.get("signedTransactionInfo")))
        if transaction is None:
            raise self.client.misconfigured("not signed under APPLE_ROOT_CERTIFICATES")
        return self.signed.is_valid(transaction)


def _is_canonical(signed: str) -> bool:
    """Check whether each part is encoded as an encoder would write it.

    Decoders ignore the last bits of base64: without this check, each purchase would have many
    tokens, with a quota each. (An ES256 signature still has a second form: two quotas, not many.)
    """
    try:
        return all(
            base64.urlsafe_b64encode(
                base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
            ).rstrip(b"=")
            == part.encode()
            for part in signed.split(".")
        )
    except ValueError:
        return False
