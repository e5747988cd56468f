"""A forge of access tokens. It has the server's own key."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from gymlocker.v2 import auth_pb2

Json: TypeAlias = Any

# Takes a claim or a header away.
GONE = object()


@dataclass(frozen=True)
class Forge:
    """The server's key, tokens that it gave to a user, and what else a forger may lay hands on."""

    key: bytes
    tokens: auth_pb2.Tokens
    others: auth_pb2.Tokens
    # Tokens that were good, by why they no longer are.
    stale: Mapping[str, str]

    @property
    def token(self) -> str:
        """The user's token, with which everything is right."""
        return self.tokens.access_token

    @property
    def parts(self) -> list[str]:
        """Header, payload and signature."""
        return self.token.split(".")

    def claimed(self, **changes: Json) -> str:
        """The token with other claims."""
        return self.signed(self.header(), changed(claims_of(self.token), changes))

    def headed(self, **changes: Json) -> str:
        """The token with another header."""
        return self.signed(self.header(**changes), claims_of(self.token))

    def header(self, **changes: Json) -> Json:
        """The token's header, changed."""
        return changed(_decoded(self.parts[0]), changes)

    def signed(
        self, header: Json, claims: Json, *, key: bytes | None = None, digest: str = "sha256"
    ) -> str:
        """A token that says this; bytes stand for themselves."""
        text = f"{encoded(header)}.{encoded(claims)}"
        signature = hmac.digest(self.key if key is None else key, text.encode(), digest)
        return f"{text}.{base64_of(signature)}"

    def unsigned(self, algorithm: str) -> str:
        """A token that says that it needs no signature, and has one that is not looked at."""
        text = f"{encoded(self.header(alg=algorithm))}.{self.parts[1]}"
        return f"{text}.{self.parts[2]}"


def claims_of(token: str) -> dict[str, Json]:
    """What a token says."""
    claims: dict[str, Json] = _decoded(token.split(".")[1])
    return claims


def changed(original: dict[str, Json], changes: dict[str, Json]) -> dict[str, Json]:
    """`original` with `changes`, without what is GONE."""
    return {name: value for name, value in {**original, **changes}.items() if value is not GONE}


def _decoded(part: str) -> Json:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def encoded(content: Json) -> str:
    return base64_of(content if isinstance(content, bytes) else json.dumps(content).encode())


def base64_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
