"""A name for a current user that has none, as in a container that runs with an arbitrary user id.

PostgreSQL creates no database for such a user. nss_wrapper, a library to preload, adds an entry to
the users that a program sees.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from server.errors import StartError

NAME = "gymlocker"
_LIBRARIES = Path("/usr/lib")


@contextmanager
def named_user(libraries: Path = _LIBRARIES) -> Iterator[dict[str, str]]:
    """Yield environment variables that name the current user, empty if it has a name.

    Raises StartError if it has none and nss_wrapper is not installed in `libraries`.
    """
    uid, gid = os.geteuid(), os.getegid()
    if _has_name(uid):
        yield {}
        return
    library = next(libraries.glob("*/libnss_wrapper.so"), None)
    if library is None:
        raise StartError(
            f"The user id {uid} has no name on this machine, and PostgreSQL requires one: run "
            "gymlocker as a user of this machine, install libnss-wrapper, or set DATABASE_URL."
        )
    with TemporaryDirectory(prefix="gymlocker-user-") as name:
        users, groups = Path(name, "passwd"), Path(name, "group")
        users.write_text(f"{NAME}:x:{uid}:{gid}::/:/bin/false\n")
        groups.write_text(f"{NAME}:x:{gid}:\n")
        yield {
            "LD_PRELOAD": str(library),
            "NSS_WRAPPER_PASSWD": str(users),
            "NSS_WRAPPER_GROUP": str(groups),
        }


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
