"""Response headers of pages and files: security policies and caching."""

from collections.abc import Mapping
from typing import TypeAlias

Headers: TypeAlias = Mapping[str, str]

COMMON: Headers = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}

# Scripts, styles and calls of this server only.
_DIRECTIVES = {
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
# ReDoc creates styles at run time, and searches in a worker created from a blob.
_REDOC_DIRECTIVES = _DIRECTIVES | {"style-src": "'self' 'unsafe-inline'", "worker-src": "blob:"}


def _policy(directives: Mapping[str, str]) -> Headers:
    policy = "; ".join(f"{name} {sources}" for name, sources in directives.items())
    return {"content-security-policy": policy}


# Revalidated by ETag on each use.
_REVALIDATED = {"cache-control": "no-cache"}
_SAME_ORIGIN = {"cross-origin-resource-policy": "same-origin"}

PAGE: Headers = {**COMMON, **_REVALIDATED, **_SAME_ORIGIN, **_policy(_DIRECTIVES)}
REDOC_PAGE: Headers = {**PAGE, **_policy(_REDOC_DIRECTIVES)}
# The path of an asset changes with its content.
ASSET: Headers = {
    **COMMON,
    **_SAME_ORIGIN,
    **_policy({"default-src": "'none'", "frame-ancestors": "'none'"}),
    "cache-control": "public, max-age=31536000, immutable",
}
# For all origins: the document is public, and tools in browsers read it.
DOCUMENT: Headers = {
    **COMMON,
    **_REVALIDATED,
    **_policy({"default-src": "'none'", "frame-ancestors": "'none'"}),
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}
