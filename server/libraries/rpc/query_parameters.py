"""Rejection of unknown query parameters in calls that change something.

The transcoder ignores unknown parameters. That is harmless in a call that reads, but an import with
`?dry-run=true` instead of `dry_run` would store what should only be previewed.
"""

from difflib import get_close_matches
from urllib.parse import parse_qsl

from server.errors import InvalidArgument
from server.libraries.network.grpc_protocol import ORIGINAL_PATH_KEY
from server.libraries.rpc.context import current_metadata

# Users may add any parameters to the backup URL in their app.
_UNCHECKED_PATHS = ("/backup", "/v2/backup")
MAX_VIOLATIONS = 20
MAX_NAME_LENGTH = 40


def require_known(known: frozenset[str]) -> None:
    """Raise InvalidArgument if the call's query has a parameter that is not in `known`."""
    for name, value in current_metadata.get():
        # Most calls have no query.
        if name == ORIGINAL_PATH_KEY and "?" in (original := str(value)):
            path, _, query = original.partition("?")
            if path not in _UNCHECKED_PATHS:
                _require_known(query, known)


def _require_known(query: str, known: frozenset[str]) -> None:
    names = dict.fromkeys(name for name, _ in parse_qsl(query, keep_blank_values=True))
    # `a.b` is a field of message `a`.
    unknown = [name for name in names if name.partition(".")[0] not in known]
    if unknown:
        violations = [(_cut(name), _described(name, known)) for name in unknown[:MAX_VIOLATIONS]]
        raise InvalidArgument(violations[0][1], violations=violations, reason="UNKNOWN_PARAMETER")


def _described(name: str, known: frozenset[str]) -> str:
    nearest = get_close_matches(name[: 2 * MAX_NAME_LENGTH], sorted(known), n=1)
    if nearest:
        advice = f"did you mean {nearest[0]!r}?"
    elif known:
        advice = f"known are {', '.join(sorted(name for name in known if name.islower()))}"
    else:
        advice = "this call has none; send its fields in the body"
    return f"unknown query parameter {_cut(name)!r}: {advice}"


def _cut(name: str) -> str:
    """Shorten a name for an error message."""
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"
