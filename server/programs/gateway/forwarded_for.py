"""Clean-up of X-Forwarded-For before Envoy reads it.

Some proxies (Azure's, IIS) write the caller's port behind the address. Envoy cannot read such an
entry and would take the proxy for the caller, so that all callers share the limits of one address.
"""

from typing import Any, TypeAlias

Json: TypeAlias = Any

HEADER = "x-forwarded-for"
_PORT = "[0-9]+"
_IPV4_WITH_PORT = f"([0-9]+(?:[.][0-9]+){{3}}):{_PORT}"
_IPV6_IN_BRACKETS = f"[[]([0-9A-Fa-f:.]+)[]](?::{_PORT})?"


def forwarded_for(trusted_proxies: int) -> Json:
    """Return the mutation of the header: nobody reads it unless proxies are trusted.

    Of the entries, the one that the farthest trusted proxy wrote loses its port. Nearer ones stay,
    for Envoy counts them. Where there is no port, nothing changes.
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
