"""Ids of workouts that come without one: the same file gives the same ids, whoever reads it.

So importing a file twice adds nothing. Nothing here may ever change.
"""

import json
from uuid import UUID, uuid5

from server.services.workout.formats.model import Format

_NAMESPACE = UUID("91e87ed5-2b64-4523-ae95-e5f3251e4e7f")


def id_of(app: Format, *parts: str | int) -> UUID:
    """The id of the workout that `parts` tell from all others of that format in a file."""
    # JSON: a text can hold any character, so joined texts could be equal where parts differ.
    return uuid5(_NAMESPACE, json.dumps([app.value, *parts]))
