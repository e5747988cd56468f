"""Fake of Apple's servers that responds as documented, and tokens for it."""

import base64
import time
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.services.ai.purchase.server import Reply, Request

ID = "2000000123456789"
RECEIPT = base64.b64encode(b"an old canary-5f1c receipt").decode()
SECRET = "shared-canary"
KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class FakeApple:
    """A fake Apple with one reply for each path, which checks our authentication."""

    replies: dict[str, Reply] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith(("/production/inApps", "/sandbox/inApps")):
            claims = jwt.decode(
                request.bearer, KEY.public_key(), ["ES256"], audience="appstoreconnect-v1"
            )
            assert (claims["iss"], claims["bid"]) == ("issuer", "com.example.app")
            assert time.time() - 60 < claims["iat"] < claims["exp"] < time.time() + 3600
            assert jwt.get_unverified_header(request.bearer)["kid"] == "key1"
        return self.replies.get(
            request.path, Reply(404, {"errorCode": 4040010, "errorMessage": "canary"})
        )
