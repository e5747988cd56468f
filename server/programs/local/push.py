"""The key of pushes, of a server without settings for it."""

from pathlib import Path

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file
from server.libraries.settings import PushSettings, load
from server.services.push.vapid import new_key

FILE_NAME = "vapid-private-key.pem"


def push_environment(folder: Path) -> dict[str, str]:
    """Return the setting of the key if it is not given: a file in the data folder, created once.

    Raises StartError if it cannot be written.
    """
    if load(PushSettings).vapid_private_key_file is not None:
        return {}
    path = folder / FILE_NAME
    try:
        if not path.exists():
            with whole_file(path) as file:
                file.write(new_key())
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}).") from error
    return {"VAPID_PRIVATE_KEY_FILE": str(path)}
