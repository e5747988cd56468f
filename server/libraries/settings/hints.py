"""Settings of hints between workers."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from server.libraries.settings.environment import EnvironmentSettings, unset


class HintSettings(EnvironmentSettings):
    """Settings of the way by which workers tell each other of changes."""

    nats_url: SecretStr | None = Field(
        default=None,
        description=(
            "NATS servers, comma-separated, such as `nats://user:password@host:4222` or `tls://…`, "
            "by which workers tell each other of changes; for databases behind a PgBouncer with "
            "`pool_mode = transaction`"
        ),
        json_schema_extra=unset("PostgreSQL's `LISTEN` and `NOTIFY`"),
    )

    @property
    def nats_urls(self) -> list[str]:
        """Return each server of NATS_URL."""
        return _urls(self.nats_url.get_secret_value()) if self.nats_url else []

    @field_validator("nats_url")
    @classmethod
    def _are_servers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        urls = _urls(value.get_secret_value())
        # No message quotes the URL, whose text may be a part of the password.
        if not urls or not all(map(_is_server, urls)):
            raise ValueError(
                "must be nats://host:port or tls://host:port, or several of them separated by "
                "commas; percent-encode characters such as / # ? @ , in the password"
            )
        return value


def _urls(text: str) -> list[str]:
    return [url.strip() for url in text.split(",") if url.strip()]


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    rest = parts.path.strip("/") + parts.query + parts.fragment
    return parts.scheme in ("nats", "tls") and has_host and parts.netloc.count("@") < 2 and not rest
