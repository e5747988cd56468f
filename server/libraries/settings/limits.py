"""Limits on the data that clients can make the server store."""

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, ByteSize, Field
from pydantic_settings import NoDecode

from server.libraries.limits.rate import Rate
from server.libraries.settings.environment import EnvironmentSettings, unset


def _rate(value: Any) -> Any:
    return Rate.parse(value) if isinstance(value, str) else value


# Without NoDecode, a dataclass in the environment would have to be JSON.
RateSetting: TypeAlias = Annotated[Rate, NoDecode, BeforeValidator(_rate)]


class LimitSettings(EnvironmentSettings):
    """Limits that a worker enforces. 0 switches a limit off."""

    inbox_per_network: RateSetting = Field(
        default=Rate(60, 600),
        description=(
            "messages to one inbox from one network (IPv4 /24, IPv6 /48): 60 at once, then one per "
            "600 s; 0 means no limit, here and below"
        ),
    )
    inbox_max_messages: int = Field(
        default=1000,
        ge=0,
        description=(
            "messages in an inbox (or 16 MiB of them); a full inbox drops the newest message of "
            "the network with the largest share"
        ),
    )
    new_users_per_address: RateSetting = Field(
        default=Rate(30, 60),
        description=(
            "users and accounts created from one address (IPv4, IPv6 /64); a network may create "
            "ten times as many"
        ),
    )
    wrong_secrets_per_address: RateSetting = Field(
        default=Rate(1000, 1), description="wrong follow secrets from one address"
    )
    storage_per_network: ByteSize = Field(
        default=ByteSize(2**30),
        ge=0,
        description="bytes that one network may store, such as `1GiB`: at once, and again per day",
    )
    min_free_disk: float = Field(
        default=5,
        ge=0,
        le=100,
        description=(
            "percentage of the disk of `DATABASE_FOLDER` that must be free; below it, only "
            "deletions are accepted"
        ),
    )
    database_folder: Path | None = Field(
        default=None,
        description="a directory on PostgreSQL's disk, if workers can access it",
        json_schema_extra=unset("the data directory under `up` with the embedded PostgreSQL"),
    )
