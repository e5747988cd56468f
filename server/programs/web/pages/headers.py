"""What a browser is told beside a file: what a page may do, and for how long a file keeps."""

from collections.abc import Mapping
from typing import TypeAlias

Headers: TypeAlias = Mapping[str, str]

COMMON: Headers = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}

# Scripts and styles of this server, calls to this server, and nothing else.
_MAY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
# ReDoc makes its styles while it runs, and searches in a worker made of a blob.
_REDOC_MAY = _MAY | {"style-src": "'self' 'unsafe-inline'", "worker-src": "blob:"}


def _policy(may: Mapping[str, str]) -> Headers:
    policy = "; ".join(f"{what} {where}" for what, where in may.items())
    return {"content-security-policy": policy}


# Asked for again each time; the answer is mostly that nothing has changed.
_FRESH = {"cache-control": "no-cache"}
_OURS = {"cross-origin-resource-policy": "same-origin"}

PAGE: Headers = {**COMMON, **_FRESH, **_OURS, **_policy(_MAY)}
REDOC_PAGE: Headers = {**PAGE, **_policy(_REDOC_MAY)}
# Their addresses change with what is in them.
ASSET: Headers = {
    **COMMON,
    **_OURS,
    **_policy({"default-src": "'none'", "frame-ancestors": "'none'"}),
    "cache-control": "public, max-age=31536000, immutable",
}
# For every origin: it is public, and tools read it in browsers.
DOCUMENT: Headers = {
    **COMMON,
    **_FRESH,
    **_policy({"default-src": "'none'", "frame-ancestors": "'none'"}),
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}
