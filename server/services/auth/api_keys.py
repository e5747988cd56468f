"""API keys that requests carry: the shared key of the server, `API_KEY`, and access keys of users.

A valid key is always accepted, so that a device with an outdated key cannot lock out others at the
same address. Invalid keys count towards the limit of their address, as wrong passwords do.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from gymlocker.v2.options_pb2 import Authentication
from pydantic import SecretStr

from server.errors import PermissionDenied, account_disabled
from server.services.auth.access_key_repository import AccessKeyRepository, KeyOwner
from server.services.auth.access_keys import PREFIX, scope_missing
from server.services.credentials.wrong_keys import WrongKeys

# One from the header, and one from a hub's `access_token`.
MAX_KEYS = 2


@dataclass(frozen=True, slots=True)
class GoodKey:
    """A valid key that allows a call. The server's shared key has no owner."""

    text: str = field(repr=False)
    owner: KeyOwner | None


class ApiKeys:
    """Verifier of API keys."""

    def __init__(
        self,
        shared: SecretStr | None,
        access_keys: AccessKeyRepository,
        wrong: WrongKeys,
        touch_key: Callable[[tuple[UUID, UUID]], None],
        touch_user: Callable[[UUID], None],
    ) -> None:
        self._shared = shared.get_secret_value().encode() if shared else None
        self._access_keys = access_keys
        self._wrong = wrong
        self._touch_key = touch_key
        self._touch_user = touch_user

    async def find(self, keys: Sequence[str], rule: Authentication) -> GoodKey | None:
        """Return the first valid key that allows a method with this rule, None without a valid one.

        Raise PermissionDenied if those that are valid do not allow it, or if the user is disabled.
        """
        denied: PermissionDenied | None = None
        for key in keys[:MAX_KEYS]:
            if self._is_shared(key):
                if Authentication.SCHEME_API_KEY in rule.alternatives:
                    return GoodKey(key, None)
            elif key.startswith(PREFIX) and (owner := await self._access_keys.find(key)):
                if owner.is_disabled:
                    raise account_disabled()
                if not set(rule.scopes).isdisjoint(owner.scopes):
                    self._touch_key((owner.user_id, owner.key_id))
                    self._touch_user(owner.user_id)
                    return GoodKey(key, owner)
                denied = scope_missing(rule.scopes)
        if denied is not None:
            raise denied
        return None

    async def count_wrong(self, keys: Sequence[str], address: str) -> None:
        """Count invalid keys; raise ResourceExhausted if the address had reached its limit before.

        The shared key is not counted where it does not allow the call: apps send it with each one.
        """
        await self._wrong.count(address, sum(not self._is_shared(key) for key in keys[:MAX_KEYS]))

    def _is_shared(self, key: str) -> bool:
        """Compare in constant time, so that timing reveals nothing about the shared key."""
        return self._shared is not None and hmac.compare_digest(key.encode(), self._shared)
