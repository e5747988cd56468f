"""Forward authentication: a proxy in front has authenticated the user and sends their name.

The header counts only from a trusted direct peer of the front door. Envoy sets the peer's address
on every call and overwrites what the client sends; X-Forwarded-For plays no part. From any other
peer the header is ignored.
"""

import re
from collections.abc import Callable
from uuid import UUID

from server.errors import PermissionDenied, account_disabled
from server.libraries.network.grpc_protocol import DIRECT_PEER_KEY, FETCH_SITE_KEY
from server.libraries.network.networks import Networks, contains
from server.libraries.rpc.context import Caller, values_of
from server.services.auth.identity_repository import IdentityRepository

# Printable ASCII without a space at either end, as gRPC's metadata allows. Compared as it is.
NAME = re.compile(r"[!-~]([ -~]{0,254}[!-~])?")
# Of other sites, a browser sends the person's session with the proxy without their knowledge.
_OWN_SITE = ("same-origin", "same-site", "none")


class ForwardedUsers:
    """Authenticator of names that a trusted proxy sends as `header`; off without a header."""

    def __init__(
        self,
        header: str | None,
        proxies: Networks,
        identities: IdentityRepository,
        touch: Callable[[UUID], None],
    ) -> None:
        self._header = header and header.lower()
        self._proxies = proxies
        self._identities = identities
        self._touch = touch

    async def authenticate(self) -> Caller | None:
        """Return the caller whom a trusted proxy names, None without a usable name.

        Raise PermissionDenied for a request that another site made, and for a disabled user.
        """
        name = self._name()
        if name is None:
            return None
        if any(value not in _OWN_SITE for value in values_of(FETCH_SITE_KEY)):
            raise PermissionDenied(
                "The request comes from another site. Send it from the same one.",
                reason="CROSS_SITE_REQUEST",
            )
        found = await self._identities.forwarded(name)
        if found.is_disabled:
            raise account_disabled()
        self._touch(found.user_id)
        return Caller(found.user_id, has_account=found.has_account)

    def _name(self) -> str | None:
        if self._header is None or not self._is_from_proxy():
            return None
        names = values_of(self._header)
        return names[0] if len(names) == 1 and NAME.fullmatch(names[0]) else None

    def _is_from_proxy(self) -> bool:
        peers = values_of(DIRECT_PEER_KEY)
        return len(peers) == 1 and contains(self._proxies, peers[0])
