"""Forge of access tokens, with the key of the server."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from gymlocker.v2 import auth_pb2

Json: TypeAlias = Any

# Marks a claim or a header to remove.
GONE = object()


@dataclass(frozen=True)
class Forge:
    """Key of the server, tokens of two users, and tokens that are no longer valid."""

    key: bytes
    tokens: auth_pb2.Tokens
    others: auth_pb2.Tokens
    # Formerly valid access tokens by the reason that ended them.
    stale: Mapping[str, str]

    @property
    def token(self) -> str:
        """Return the valid access token of the user."""
        return self.tokens.access_token

    @property
    def parts(self) -> list[str]:
        """Return header, payload and signature of the valid token."""
        return self.token.split(".")

    def claimed(self, **changes: Json) -> str:
        """Return the token with changed claims."""
        return self.signed(self.header(), changed(claims_of(self.token), changes))

    def headed(self, **changes: Json) -> str:
        """Return the token with a changed header."""
        return self.signed(self.header(**changes), claims_of(self.token))

    def header(self, **changes: Json) -> Json:
        """Return the changed header of the token."""
        return changed(_decoded(self.parts[0]), changes)

    def signed(
        self, header: Json, claims: Json, *, key: bytes | None = None, digest: str = "sha256"
    ) -> str:
        """Return a signed token of `header` and `claims`; bytes are used as they are."""
        text = f"{encoded(header)}.{encoded(claims)}"
        signature = hmac.digest(self.key if key is None else key, text.encode(), digest)
        return f"{text}.{base64_of(signature)}"

    def unsigned(self, algorithm: str) -> str:
        """Return a token whose header denies a signature, but with one."""
        text = f"{encoded(self.header(alg=algorithm))}.{self.parts[1]}"
        return f"{text}.{self.parts[2]}"


def claims_of(token: str) -> dict[str, Json]:
    """Return the claims of a token."""
    claims: dict[str, Json] = _decoded(token.split(".")[1])
    return claims


def changed(original: dict[str, Json], changes: dict[str, Json]) -> dict[str, Json]:
    """Return `original` with `changes`, without entries that are GONE."""
    return {name: value for name, value in {**original, **changes}.items() if value is not GONE}


def _decoded(part: str) -> Json:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def encoded(content: Json) -> str:
    return base64_of(content if isinstance(content, bytes) else json.dumps(content).encode())


def base64_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
