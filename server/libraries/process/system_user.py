"""The OS user for PostgreSQL when gymlocker is started as root.

PostgreSQL refuses to run as root, so it runs as an unprivileged system user, which must be able to
reach its own files. Permission is granted only where it is missing, and only to pass through a
folder (o+x), not to list or read it. In /root/gymlocker, for example, /root gets 0711.
"""

import os
import pwd
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError

# The wheel of PostgreSQL creates the same user to start a server.
USER_NAME = "pgserver"


@dataclass(frozen=True)
class SystemUser:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def database_user(data: Path) -> SystemUser | None:
    """Choose the OS user for PostgreSQL; None is the current user.

    For root it is the owner of `data`, if the folder exists (it may have been created without
    sudo), or else a system user. Raises StartError if that user cannot be created.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _by_uid(owner)
    return _by_name(USER_NAME) or _create(USER_NAME)


def _by_uid(uid: int) -> SystemUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise StartError(
            f"The data belongs to the user id {uid}, which does not exist on this machine: "
            "change the owner of the folder, or run gymlocker as that user."
        ) from None
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_name(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> SystemUser:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = done.stderr.strip()
    except OSError as error:
        reason = str(error)
    # Look it up even if useradd failed: a concurrent start may have created the user.
    user = _by_name(name)
    if user is None:
        raise StartError(
            f"PostgreSQL does not run as root, and the user {name} cannot be created ({reason}): "
            "run gymlocker as another user, or set DATABASE_URL."
        )
    return user


def grant_passage(path: Path, user: SystemUser, report: Callable[[str], None]) -> None:
    """Let `user` pass through every folder above `path`; change only those that prevent it."""
    for folder in path.resolve().parents:
        state = folder.stat()
        if _may_pass(state, user):
            continue
        folder.chmod(stat.S_IMODE(state.st_mode) | stat.S_IXOTH)
        report(f"{folder}: the user {user.name} of PostgreSQL may now pass through it (o+x)")


def _may_pass(state: os.stat_result, user: SystemUser) -> bool:
    if state.st_uid == user.uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == user.gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)
