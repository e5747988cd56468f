"""Tables for the operator, and the same as JSON."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from server.libraries.common.utc import in_utc, rfc3339
from server.programs.client.screen.console import Column, Screen
from server.programs.client.text import counted

if TYPE_CHECKING:
    from server.programs.administration.backups import ListedBackup
    from server.programs.administration.keys import ListedKey
    from server.programs.administration.user_repository import ListedUser
    from server.services.backup.model import Backup

NAME_WIDTH = 32


def json_text(document: Any) -> str:
    """Return a document as JSON, with times in UTC."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    return orjson.dumps(document, option=options).decode()


def json_time(time: dt.datetime | None) -> str | None:
    """Return a time in RFC 3339, None if there is none."""
    return rfc3339(time) if time else None


def user_json(user: "ListedUser") -> dict[str, Any]:
    """Return a user for JSON, with the names of the API."""
    return {
        "id": str(user.id),
        "lookup": user.lookup,
        "username": user.username,
        "identities": user.identities,
        "hasLogin": user.has_login,
        "createTime": json_time(user.created),
        "lastSeenTime": json_time(user.last_seen),
        "disabledTime": json_time(user.disabled),
        "events": user.events,
        "workouts": user.workouts,
        "backups": user.backups,
    }


def show_users(screen: Screen, users: Sequence["ListedUser"], *, ids: bool) -> None:
    """Write a table of users."""
    if not users:
        screen.write("There are no users.")
        return
    columns = (
        # Whole names for programs, as whole ids.
        Column("User", least=None if ids else 10, most=None if ids else NAME_WIDTH),
        Column("Lookup", style="cyan"),
        *((Column("ID"),) if ids else ()),
        Column("Created"),
        Column("Seen"),
        Column("Events", is_number=True),
        Column("Workouts", is_number=True),
        Column("Backups", is_number=True),
        Column("Disabled"),
    )
    screen.table(columns, [_row(user, ids=ids) for user in users])


def key_json(listed: "ListedKey") -> dict[str, Any]:
    """Return an access key for JSON, with the names of the API."""
    key = listed.key
    return {
        "id": str(key.id),
        "userId": str(listed.user_id),
        "user": listed.user,
        "name": key.name,
        "scopes": list(key.scopes),
        "createTime": json_time(key.created),
        "expireTime": json_time(key.expiry),
        "lastUsedTime": json_time(key.last_used),
    }


def show_keys(screen: Screen, keys: Sequence["ListedKey"]) -> None:
    """Write a table of access keys."""
    if not keys:
        screen.write("There are no access keys.")
        return
    columns = (
        Column("User", least=10, most=NAME_WIDTH),
        Column("ID", style="cyan"),
        Column("Name", least=10, most=NAME_WIDTH),
        Column("Scopes", least=10),
        Column("Created"),
        Column("Used"),
        Column("Expires"),
    )
    screen.table(columns, [_key_row(each) for each in keys])


def _key_row(listed: "ListedKey") -> list[str]:
    key = listed.key
    scopes = " ".join(key.scopes)
    times = (key.created, key.last_used, key.expiry)
    return [listed.user, str(key.id), key.name, scopes, *map(day, times)]


def backup_json(listed: "ListedBackup") -> dict[str, Any]:
    """Return a backup for JSON, with the names of the API."""
    backup = listed.backup
    return {
        "id": str(backup.id),
        "userId": str(listed.user_id),
        "owner": listed.owner,
        "size": backup.contents.size,
        "sha256": backup.contents.sha256.hex(),
        "createTime": json_time(backup.created),
    }


def show_backups(screen: Screen, backups: Sequence["ListedBackup"]) -> None:
    """Write a table of backups."""
    if not backups:
        screen.write("There are no backups.")
        return
    columns = (
        Column("User", least=10, most=NAME_WIDTH),
        Column("ID", style="cyan"),
        Column("Created (UTC)"),
        Column("Bytes", is_number=True),
    )
    rows = [
        [each.owner, str(each.backup.id), _minute(each.backup), f"{each.backup.contents.size:,}"]
        for each in backups
    ]
    screen.table(columns, rows)


def described_backup(listed: "ListedBackup") -> str:
    """Return a backup in a few words, for questions."""
    return f"the backup of {listed.owner} from {_minute(listed.backup)} UTC"


def _minute(backup: "Backup") -> str:
    return f"{in_utc(backup.created):%Y-%m-%d %H:%M}"


def described(user: "ListedUser") -> str:
    """Return a user in a few words, for questions."""
    parts = (("event", user.events), ("workout", user.workouts), ("backup", user.backups))
    has = ", ".join(counted(number, noun) for noun, number in parts)
    return f"{user.name} ({user.lookup}; {has})"


def _row(user: "ListedUser", *, ids: bool) -> list[str]:
    return [
        user.username or ", ".join(f"({name})" for name in user.identities),
        user.lookup,
        *([str(user.id)] if ids else []),
        day(user.created),
        day(user.last_seen),
        f"{user.events:,}",
        f"{user.workouts:,}",
        f"{user.backups:,}",
        day(user.disabled),
    ]


def day(time: dt.datetime | None) -> str:
    """Return the date of a time in UTC."""
    return in_utc(time).date().isoformat() if time else ""
