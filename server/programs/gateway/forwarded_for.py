"""Clean-up of X-Forwarded-For before Envoy reads it.

Some proxies (Azure's, IIS) append the caller's port to the address. Envoy cannot parse such an
entry and would treat the proxy as the caller; all callers would share the limits of one address.
"""

from typing import Any, TypeAlias

Json: TypeAlias = Any

HEADER = "x-forwarded-for"
_PORT = "[0-9]+"
_IPV4_WITH_PORT = f"([0-9]+(?:[.][0-9]+){{3}}):{_PORT}"
_IPV6_IN_BRACKETS = f"[[]([0-9A-Fa-f:.]+)[]](?::{_PORT})?"


def forwarded_for(trusted_proxies: int) -> Json:
    """Return the mutation of the header, which is removed unless proxies are trusted.

    The entry written by the farthest trusted proxy loses its port, if it has one. The entries after
    it stay because Envoy counts them.
    """
    if not trusted_proxies:
        return {"remove": HEADER}
    nearer = f"(?:,[^,]*){{{trusted_proxies - 1}}}"
    entry = f"^(?:.*,)?[ ]*(?:{_IPV4_WITH_PORT}|{_IPV6_IN_BRACKETS})[ ]*({nearer})$"
    address = rf"re.extract(request.headers['{HEADER}'], '{entry}', '\\1\\2\\3')"
    return {
        "append": {
            "header": {"key": HEADER, "value": f"%CEL({address})%"},
            "append_action": "OVERWRITE_IF_EXISTS",
        }
    }
