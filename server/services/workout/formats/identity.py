"""Ids of workouts without an id of their own, derived from the contents of the file.

A file always yields the same ids, so importing it twice adds nothing. Never change this module.
"""

import json
from uuid import UUID, uuid5

from server.services.workout.formats.model import Format

_NAMESPACE = UUID("91e87ed5-2b64-4523-ae95-e5f3251e4e7f")


def id_of(app: Format, *parts: str | int) -> UUID:
    """Return the id of a workout that `parts` identify within a file of the format."""
    # JSON, because texts contain any character: different parts could be equal once joined.
    return uuid5(_NAMESPACE, json.dumps([app.value, *parts]))
