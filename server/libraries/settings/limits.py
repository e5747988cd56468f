"""Bounds on what strangers can make the server store."""

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
    """What a worker is told about bounds. 0 switches one off."""

    inbox_per_network: RateSetting = Field(
        default=Rate(60, 600),
        description=(
            "messages to one inbox from one network (IPv4 /24, IPv6 /48): 60 at once, then one in "
            "600 s; 0 is no limit, here and below"
        ),
    )
    inbox_max_messages: int = Field(
        default=1000,
        ge=0,
        description=(
            "messages that wait in an inbox, or 16 MiB of them; a full one gives up the newest of "
            "the network that has most waiting there"
        ),
    )
    new_users_per_address: RateSetting = Field(
        default=Rate(30, 60),
        description=(
            "users and accounts made from one address (IPv4, IPv6 /64); a network may make ten "
            "times as many"
        ),
    )
    wrong_secrets_per_address: RateSetting = Field(
        default=Rate(1000, 1), description="wrong follow secrets from one address"
    )
    storage_per_network: ByteSize = Field(
        default=ByteSize(2**30),
        ge=0,
        description="bytes that one network stores, as `1GiB`: so many at once, and in a day",
    )
    min_free_disk: float = Field(
        default=5,
        ge=0,
        le=100,
        description=(
            "percent of the disk under DATABASE_FOLDER that must be free; below, only deletions "
            "are accepted"
        ),
    )
    database_folder: Path | None = Field(
        default=None,
        description="a folder on the disk of PostgreSQL, where workers can see it",
        json_schema_extra=unset("the data folder under `up` with its own PostgreSQL"),
    )
