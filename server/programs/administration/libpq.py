"""The URL of a database for PostgreSQL's own programs: as variables of their environment.

On a command line, every user of the machine could read the password. The server connects with
asyncpg, which takes unknown parameters of a URL for settings of the session; libpq rejects them.
"""

import os
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from server.libraries.database.url import hosts_of, target_of

_PARAMETERS = {
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "database": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
}
_ELSEWHERE = {"host", "port", "target_session_attrs"}
# Of the caller's environment; asyncpg does not read them.
_FOREIGN = ("PGOPTIONS", "PGSERVICE", "PGSERVICEFILE", "PGTARGETSESSIONATTRS", "PGHOSTADDR")


def libpq_environment(url: str, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program that connects to `url` as the server does."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    found = {_PARAMETERS[name]: value for name, value in query.items() if name in _PARAMETERS}
    authority = {
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.removeprefix("/")),
    }
    found |= {name: value for name, value in authority.items() if value}
    if hosts := hosts_of(url):
        found["PGHOST"] = ",".join(host for host, _ in hosts)
        found["PGPORT"] = ",".join(str(port) for _, port in hosts)
    if target := target_of(url) or ("read-write" if len(hosts) > 1 else None):
        found["PGTARGETSESSIONATTRS"] = target
    settings = [
        f"-c {name}={_escaped(value)}"
        for name, value in query.items()
        if name not in _PARAMETERS and name not in _ELSEWHERE
    ]
    if settings:
        found["PGOPTIONS"] = " ".join(settings)
    kept = {name: value for name, value in inherited.items() if name not in _FOREIGN}
    # Messages are quoted in errors.
    return kept | {"LC_ALL": "C", "PGCLIENTENCODING": "UTF8"} | found


def _escaped(value: str) -> str:
    """Escape the characters that separate options."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
