"""Whom PostgreSQL runs as when it is root who calls.

PostgreSQL refuses to run as root, so root lends it a system user without rights, who then must be
able to walk to its own files. Permission is given only where it is missing, and only to pass
through a folder (o+x), not to list or read it. In /root/gymlocker, for example, /root gets 0711.
"""

import os
import pwd
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError

# The wheel that PostgreSQL comes in makes the same user when it is asked to start a server.
USER_NAME = "pgserver"


@dataclass(frozen=True)
class SystemUser:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def database_user(data: Path) -> SystemUser | None:
    """Whom PostgreSQL is to run as; None is whoever we are.

    For root: the owner of `data`, if there is data already (it may have been made before somebody
    typed sudo), or a user who exists for this. Raises StartError if there can be none.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _by_uid(owner)
    return _by_name(USER_NAME) or _made(USER_NAME)


def _by_uid(uid: int) -> SystemUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise StartError(
            f"The data belongs to the user id {uid}, which this machine does not know: "
            "give the folder to another user, or run gymlocker as that one."
        ) from None
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_name(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _made(name: str) -> SystemUser:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = done.stderr.strip()
    except OSError as error:
        reason = str(error)
    # Looked up whatever useradd said: another start may have made the user in the meantime.
    user = _by_name(name)
    if user is None:
        raise StartError(
            f"PostgreSQL does not run as root, and the user {name} cannot be made ({reason}): "
            "run gymlocker as another user, or set DATABASE_URL."
        )
    return user


def let_through(path: Path, user: SystemUser, report: Callable[[str], None]) -> None:
    """Lets `user` pass through every folder above `path`, changing only those where it cannot."""
    for folder in path.resolve().parents:
        state = folder.stat()
        if _may_pass(state, user):
            continue
        folder.chmod(stat.S_IMODE(state.st_mode) | stat.S_IXOTH)
        report(f"{folder}: the user {user.name}, whom PostgreSQL runs as, may now pass (o+x)")


def _may_pass(state: os.stat_result, user: SystemUser) -> bool:
    if state.st_uid == user.uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == user.gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)
