"""Bodies that are files instead of JSON: google.api.HttpBody, which no descriptor describes."""

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from scripts.openapi.limits import Json

HTTP_BODY = "google.api.HttpBody"

# The contents of the file by the name of the method.
_RECEIVED: dict[str, Json] = {
    "ExportWorkouts": {
        "text/csv": {
            "schema": {
                "type": "string",
                "description": "RFC 4180, UTF-8, with a header: id, date, type, duration, notes.",
            },
            "example": "id,date,type,duration,notes\r\n"
            "11111111-2222-4333-8444-555555555555,2026-02-07,Running,30,Easy pace\r\n",
        },
        "application/json": {
            "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Workout"}}
        },
    }
}
_SENT: dict[str, Json] = {
    "ImportWorkouts": {
        "text/csv": {
            "schema": {
                "type": "string",
                "minLength": 1,
                # In bytes, for which there is no keyword.
                "maxLength": 16 * 1024 * 1024,
                "description": "The file, at most 16 MiB. Its content type is ignored.",
            },
            "example": "date,type,duration\n2026-02-07,Running,30\n",
        }
    }
}


def is_file(message: Descriptor) -> bool:
    """Check whether a message is a file."""
    return message.full_name == HTTP_BODY


def received(method: MethodDescriptor) -> Json:
    """Return the contents of the file in a method's reply."""
    return _RECEIVED[method.name]


def sent(method: MethodDescriptor) -> Json:
    """Return the contents of the file in a method's request."""
    return _SENT[method.name]
