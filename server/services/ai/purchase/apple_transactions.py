"""Apple's transactions: signed ones, and those that are looked up by their id.

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

from server.services.ai.purchase.store_client import Answer, StoreClient

AUDIENCE = "appstoreconnect-v1"
OUR_TOKENS_SECONDS = 300

_NOT_FOUND = 4040010
# The id is malformed, or nobody's.
_NOT_OURS = (4000006, 4040001)


class SignedTransactions:
    """Checks transactions that Apple has signed; asks nobody."""

    def __init__(
        self,
        root_certificates: Sequence[bytes],
        bundle: str,
        products: Collection[str],
        *,
        sandbox: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`root_certificates` are in DER form. No `products`: any of the app's will do."""
        environments = [Environment.PRODUCTION, *([Environment.SANDBOX] if sandbox else [])]
        # Apple's id of the app counts for notifications alone, but the library insists on one. Its
        # online checks would ask Apple, blocking, at each call.
        self._verifiers = [
            SignedDataVerifier(list(root_certificates), False, environment, bundle, app_apple_id=0)
            for environment in environments
        ]
        self._products = products
        self._now = now

    def verify(self, signed: str) -> bool:
        """Whether Apple signed it, and it is a purchase of our app's that counts."""
        transaction = self.decoded(signed)
        return transaction is not None and self.counts(transaction)

    def decoded(self, signed: str) -> JWSTransactionDecodedPayload | None:
        """The transaction; None if Apple did not sign it, or for another app."""
        if not _is_canonical(signed):
            return None
        for verifier in self._verifiers:
            try:
                return verifier.verify_and_decode_signed_transaction(signed)
            except VerificationException:
                continue
            except Exception:
                # Signed by Apple, but no transaction: the library says so in many ways.
                return None
        return None

    def counts(self, transaction: JWSTransactionDecodedPayload) -> bool:
        """Whether it is a purchase that was neither taken back nor has run out."""
        return (
            bool(transaction.transactionId and transaction.productId)
            and (not self._products or transaction.productId in self._products)
            and transaction.revocationDate is None
            and (transaction.expiresDate is None or transaction.expiresDate > self._now() * 1000)
        )


@dataclass(frozen=True)
class ApiKey:
    """Our key for the App Store Server API."""

    issuer: str
    id: str
    private: EllipticCurvePrivateKey = field(repr=False)
    bundle: str

    def token(self) -> str:
        """A token that proves to Apple who we are."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "iat": now,
            "exp": now + OUR_TOKENS_SECONDS,
            "aud": AUDIENCE,
            "bid": self.bundle,
        }
        return jwt.encode(claims, self.private, "ES256", {"kid": self.id})


@dataclass(frozen=True)
class TransactionLookup:
    """Asks the App Store Server API: at `urls` one after the other, production first."""

    client: StoreClient
    urls: Sequence[str]
    key: ApiKey
    signed: SignedTransactions

    async def verify(self, transaction_id: str) -> bool:
        """Whether the transaction counts. Raises Unavailable."""
        for url in self.urls:
            answer = await self.client.get(
                f"{url}/inApps/v1/transactions/{transaction_id}", bearer=self.key.token()
            )
            if answer.is_success:
                return self._counts(answer)
            if answer.body.get("errorCode") != _NOT_FOUND:
                return self._refused(answer)
        return False

    def _counts(self, answer: Answer) -> bool:
        transaction = self.signed.decoded(str(answer.body.get("signedTransactionInfo")))
        if transaction is None:
            raise self.client.misconfigured("its signature is not by APPLE_ROOT_CERTIFICATES")
        return self.signed.counts(transaction)

    def _refused(self, answer: Answer) -> bool:
        code = answer.body.get("errorCode")
        if code in _NOT_OURS:
            return False
        raise self.client.unavailable(
            "error", status=answer.status, code=code if isinstance(code, int) else -1
        )


def _is_canonical(signed: str) -> bool:
    """Whether each part is written in the one way that an encoder writes it.

    base64 ends in bits that decoders overlook: without this, each purchase would have many tokens,
    with a quota each. (An ES256 signature has a second form all the same: two quotas, not many.)
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
