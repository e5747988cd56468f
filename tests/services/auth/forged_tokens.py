"""Invalid access tokens: forged, outdated or malformed.

Most are signed with the key of the server, so that they have only the defect in their name. Each
kind returns the values of the `authorization` metadata, of which a valid request has one.
"""

import json
import time
from collections.abc import Callable
from uuid import uuid4

from tests.services.auth.forge import GONE, Forge, base64_of, claims_of, encoded

SECOND, DAY = 1, 86400
LAST_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _same_bytes(forge: Forge) -> str:
    """Return the token with other unused bits in its last character, which decoders ignore."""
    return forge.token[:-1] + LAST_CHARACTERS[LAST_CHARACTERS.index(forge.token[-1]) ^ 1]


def _flipped(text: str) -> str:
    """Return `text` with a changed character in the middle."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]


def _nested(depth: int) -> bytes:
    return b'{"kid":' + b"[" * depth + b"]" * depth + b"}"


def _now(seconds: float) -> int:
    return int(time.time() + seconds)


# Metadata without an access token, such as credentials of another scheme.
WITHOUT: dict[str, Callable[[Forge], list[str]]] = {
    "nothing": lambda forge: [],
    "empty": lambda forge: [""],
    "no scheme": lambda forge: [forge.token],
    "Basic": lambda forge: ["Basic dXNlcjpwYXNzd29yZA=="],
    "token as Basic": lambda forge: [f"Basic {forge.token}"],
    "Digest": lambda forge: ["Digest username=somebody"],
    "another word": lambda forge: [f"Bearertoken {forge.token}"],
    "no space": lambda forge: [f"Bearer{forge.token}"],
    "token as DPoP": lambda forge: [f"DPoP {forge.token}"],
    "Basic, Bearer": lambda forge: [f"Basic dTpw, Bearer {forge.token}"],
    "quoted": lambda forge: [f'"Bearer {forge.token}"'],
}
# Values after "Bearer ".
TOKENS: dict[str, Callable[[Forge], str]] = {
    # --- The form ---
    "scheme and space": lambda forge: "",
    "two tokens": lambda forge: f"{forge.token} {forge.token}",
    "two tokens without a space": lambda forge: forge.token * 2,
    "two tokens with a dot": lambda forge: f"{forge.token}.{forge.token}",
    "two tokens with a comma": lambda forge: f"{forge.token},{forge.token}",
    "two authorizations in one": lambda forge: f"{forge.token}, Bearer {forge.token}",
    "scheme twice": lambda forge: f"Bearer {forge.token}",
    "two spaces": lambda forge: f" {forge.token}",
    "space inside": lambda forge: forge.token.replace(".", " .", 1),
    "space in the signature": lambda forge: f"{forge.token[:-5]} {forge.token[-5:]}",
    "parameter": lambda forge: f"{forge.token};a=b",
    "quotes": lambda forge: f'"{forge.token}"',
    "padding": lambda forge: f"{forge.token}=",
    "padding of the header": lambda forge: forge.token.replace(".", "=.", 1),
    "dot at the end": lambda forge: f"{forge.token}.",
    "dot before": lambda forge: f".{forge.token}",
    "JWE of five parts": lambda forge: f"{forge.token}.e30.e30",
    "only dots": lambda forge: "..",
    "no dots": lambda forge: forge.token.replace(".", ""),
    "no header": lambda forge: ".".join(["", *forge.parts[1:]]),
    "no payload": lambda forge: ".".join([forge.parts[0], "", forge.parts[2]]),
    "no signature": lambda forge: ".".join([*forge.parts[:2], ""]),
    "no signature and no dot": lambda forge: ".".join(forge.parts[:2]),
    "header cut": lambda forge: ".".join([forge.parts[0][:-1], *forge.parts[1:]]),
    "payload cut": lambda forge: ".".join([forge.parts[0], forge.parts[1][:-1], forge.parts[2]]),
    "signature cut": lambda forge: forge.token[:-1],
    "signature of one character": lambda forge: ".".join([*forge.parts[:2], "A"]),
    "signature longer": lambda forge: f"{forge.token}AAAA",
    "header changed": lambda forge: ".".join([_flipped(forge.parts[0]), *forge.parts[1:]]),
    "payload changed": lambda forge: ".".join(
        [forge.parts[0], _flipped(forge.parts[1]), forge.parts[2]]
    ),
    "signature changed": lambda forge: ".".join([*forge.parts[:2], _flipped(forge.parts[2])]),
    "signature of another token": lambda forge: ".".join(
        [*forge.parts[:2], forge.others.access_token.split(".")[2]]
    ),
    "signature written otherwise": _same_bytes,
    "upper case": lambda forge: forge.token.upper(),
    "percent-encoded": lambda forge: forge.token.replace(".", "%2E"),
    "huge": lambda forge: "A" * 20000,
    "huge signature": lambda forge: forge.token + "A" * 20000,
    "huge claim": lambda forge: forge.claimed(more="A" * 12000),
    "some words": lambda forge: "null",
    # --- The content ---
    "header that is no JSON": lambda forge: forge.signed(b"{", claims_of(forge.token)),
    "header that is no UTF-8": lambda forge: forge.signed(b'{"\xff"}', claims_of(forge.token)),
    "header that is a list": lambda forge: forge.signed([forge.header()], claims_of(forge.token)),
    "header that is null": lambda forge: forge.signed(None, claims_of(forge.token)),
    "empty header": lambda forge: forge.signed({}, claims_of(forge.token)),
    "deep header": lambda forge: f"{encoded(_nested(1400))}.e30.AAAA",
    "payload that is no JSON": lambda forge: forge.signed(forge.header(), b"sub"),
    "payload that is no UTF-8": lambda forge: forge.signed(forge.header(), b'{"\xff": 1}'),
    "payload that is a list": lambda forge: forge.signed(forge.header(), [claims_of(forge.token)]),
    "payload that is a text": lambda forge: forge.signed(
        forge.header(), json.dumps(claims_of(forge.token))
    ),
    "payload that is null": lambda forge: forge.signed(forge.header(), None),
    "empty payload": lambda forge: forge.signed(forge.header(), {}),
    "deep payload": lambda forge: forge.signed(forge.header(), _nested(1200)),
    # --- The algorithm and the key ---
    "alg none": lambda forge: forge.unsigned("none"),
    "alg None": lambda forge: forge.unsigned("None"),
    "alg NONE": lambda forge: forge.unsigned("NONE"),
    "alg nOnE": lambda forge: forge.unsigned("nOnE"),
    "alg none without a signature": lambda forge: f"{forge.unsigned('none').rpartition('.')[0]}.",
    "alg none, signed": lambda forge: forge.headed(alg="none"),
    "alg missing": lambda forge: forge.headed(alg=GONE),
    "alg empty": lambda forge: forge.headed(alg=""),
    "alg null": lambda forge: forge.headed(alg=None),
    "alg a list": lambda forge: forge.headed(alg=["HS256"]),
    "alg in lower case": lambda forge: forge.headed(alg="hs256"),
    "alg unknown": lambda forge: forge.headed(alg="XS256"),
    "HS384": lambda forge: forge.signed(
        forge.header(alg="HS384"), claims_of(forge.token), digest="sha384"
    ),
    "HS512": lambda forge: forge.signed(
        forge.header(alg="HS512"), claims_of(forge.token), digest="sha512"
    ),
    "HS256 that is HS512": lambda forge: forge.signed(
        forge.header(), claims_of(forge.token), digest="sha512"
    ),
    "RS256 that is HS256": lambda forge: forge.headed(alg="RS256"),
    "ES256 that is HS256": lambda forge: forge.headed(alg="ES256"),
    "EdDSA that is HS256": lambda forge: forge.headed(alg="EdDSA"),
    "another key": lambda forge: forge.signed(
        forge.header(), claims_of(forge.token), key=b"another key, long enough for HS256"
    ),
    "example key": lambda forge: forge.signed(
        forge.header(), claims_of(forge.token), key=b"your-256-bit-secret"
    ),
    "empty key": lambda forge: forge.signed(forge.header(), claims_of(forge.token), key=b""),
    "key as bytes": lambda forge: forge.signed(
        forge.header(), claims_of(forge.token), key=bytes.fromhex(forge.key.decode())
    ),
    "key id as the key": lambda forge: forge.signed(
        forge.header(), claims_of(forge.token), key=forge.header()["kid"].encode()
    ),
    "kid missing": lambda forge: forge.headed(kid=GONE),
    "kid empty": lambda forge: forge.headed(kid=""),
    "kid unknown": lambda forge: forge.headed(kid="unknown"),
    "kid null": lambda forge: forge.headed(kid=None),
    "kid a number": lambda forge: forge.headed(kid=0),
    "kid a list": lambda forge: forge.headed(kid=[forge.header()["kid"]]),
    "kid an object": lambda forge: forge.headed(kid={}),
    "kid a path": lambda forge: forge.signed(
        forge.header(kid="../../../../dev/null"), claims_of(forge.token), key=b""
    ),
    "kid SQL": lambda forge: forge.signed(
        forge.header(kid="' UNION SELECT 'key' -- "), claims_of(forge.token), key=b"key"
    ),
    "kid long": lambda forge: forge.headed(kid="k" * 2000),
    "kid with more": lambda forge: forge.headed(kid=forge.header()["kid"] + "\0"),
    "kid in another alphabet": lambda forge: forge.headed(kid="ключ\ud800"),
    "own key as jwk": lambda forge: forge.signed(
        forge.header(kid=GONE, jwk={"kty": "oct", "k": base64_of(b"mine" * 8)}),
        claims_of(forge.token),
        key=b"mine" * 8,
    ),
    "own key as jwk and the kid": lambda forge: forge.signed(
        forge.header(jwk={"kty": "oct", "k": base64_of(b"mine" * 8)}),
        claims_of(forge.token),
        key=b"mine" * 8,
    ),
    "own key by jku": lambda forge: forge.signed(
        forge.header(jku="http://127.0.0.1:1/keys"), claims_of(forge.token), key=b"mine" * 8
    ),
    "own key by x5u": lambda forge: forge.signed(
        forge.header(x5u="file:///dev/null"), claims_of(forge.token), key=b""
    ),
    "crit": lambda forge: forge.headed(crit=["exp"], exp=_now(DAY)),
    "crit empty": lambda forge: forge.headed(crit=[]),
    "detached payload": lambda forge: forge.headed(b64=False, crit=["b64"]),
    "typ missing": lambda forge: forge.headed(typ=GONE),
    "typ JWT": lambda forge: forge.headed(typ="JWT"),
    "typ a list": lambda forge: forge.headed(typ=["at+jwt"]),
    # --- The claims ---
    "iss wrong": lambda forge: forge.claimed(iss="gymlockers"),
    "iss missing": lambda forge: forge.claimed(iss=GONE),
    "iss a list": lambda forge: forge.claimed(iss=["gymlocker"]),
    "iss null": lambda forge: forge.claimed(iss=None),
    "aud wrong": lambda forge: forge.claimed(aud="gym"),
    "aud missing": lambda forge: forge.claimed(aud=GONE),
    "aud a list": lambda forge: forge.claimed(aud=["gymlocker", "gymlocker"]),
    "aud empty": lambda forge: forge.claimed(aud=""),
    "exp a second ago": lambda forge: forge.claimed(exp=_now(-SECOND)),
    "exp a day ago": lambda forge: forge.claimed(exp=_now(-DAY)),
    "exp missing": lambda forge: forge.claimed(exp=GONE),
    "exp null": lambda forge: forge.claimed(exp=None),
    "exp zero": lambda forge: forge.claimed(exp=0),
    "exp a text": lambda forge: forge.claimed(exp=str(_now(DAY))),
    "exp a list": lambda forge: forge.claimed(exp=[_now(DAY)]),
    "exp not a number": lambda forge: forge.claimed(exp=float("nan")),
    "nbf in the future": lambda forge: forge.claimed(nbf=_now(60)),
    "nbf missing": lambda forge: forge.claimed(nbf=GONE),
    "nbf a list": lambda forge: forge.claimed(nbf=[]),
    "nbf never": lambda forge: forge.claimed(nbf=float("inf")),
    "iat in the future": lambda forge: forge.claimed(iat=_now(60)),
    "iat missing": lambda forge: forge.claimed(iat=GONE),
    "iat a text": lambda forge: forge.claimed(iat="now"),
    "jti missing": lambda forge: forge.claimed(jti=GONE),
    "jti a number": lambda forge: forge.claimed(jti=1),
    "sub missing": lambda forge: forge.claimed(sub=GONE),
    "sub no UUID": lambda forge: forge.claimed(sub="somebody"),
    "sub a number": lambda forge: forge.claimed(sub=1),
    "sub nobody": lambda forge: forge.claimed(sub=str(uuid4())),
    "sub another user": lambda forge: forge.claimed(
        sub=claims_of(forge.others.access_token)["sub"]
    ),
    "sid missing": lambda forge: forge.claimed(sid=GONE),
    "sid no UUID": lambda forge: forge.claimed(sid="session"),
    "sid a number": lambda forge: forge.claimed(sid=1),
    "sid a list": lambda forge: forge.claimed(sid=[claims_of(forge.token)["sid"]]),
    "sid unknown": lambda forge: forge.claimed(sid=str(uuid4())),
    "sid of another user": lambda forge: forge.claimed(
        sid=claims_of(forge.others.access_token)["sid"]
    ),
    "sub as sid": lambda forge: forge.claimed(sid=claims_of(forge.token)["sub"]),
    # --- Tokens of other kinds, and formerly valid ones ---
    "refresh token": lambda forge: forge.tokens.refresh_token,
    "deleted user": lambda forge: forge.stale["deleted user"],
    "logged out": lambda forge: forge.stale["logged out"],
    "password changed": lambda forge: forge.stale["password changed"],
    "refresh token used twice": lambda forge: forge.stale["refresh token used twice"],
}

FORGED: dict[str, Callable[[Forge], list[str]]] = {
    "scheme alone": lambda forge: ["Bearer"],
    "scheme and comma": lambda forge: [f"Bearer,{forge.token}"],
    "colon": lambda forge: [f"Bearer:{forge.token}"],
    "two authorizations": lambda forge: [f"Bearer {forge.token}"] * 2,
    "the other user's as well": lambda forge: [
        f"Bearer {forge.token}",
        f"Bearer {forge.others.access_token}",
    ],
    "Bearer and Basic": lambda forge: [f"Bearer {forge.token}", "Basic dTpw"],
    "Basic and Bearer": lambda forge: ["Basic dTpw", f"Bearer {forge.token}"],
    "empty and Bearer": lambda forge: ["", f"Bearer {forge.token}"],
    **{
        name: lambda forge, make=make: [f"Bearer {make(forge)}"]  # type: ignore[misc]
        for name, make in TOKENS.items()
    },
}
