"""What is a file instead of JSON: google.api.HttpBody, of which a descriptor says nothing more."""

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from scripts.openapi.limits import Json

HTTP_BODY = "google.api.HttpBody"

# By the name of the method: the contents of its file.
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
                # In bytes, which no keyword counts.
                "maxLength": 16 * 1024 * 1024,
                "description": "The file, of 16 MiB at the most. Its type is not looked at.",
            },
            "example": "date,type,duration\n2026-02-07,Running,30\n",
        }
    }
}


def is_file(message: Descriptor) -> bool:
    """Whether a message is a file."""
    return message.full_name == HTTP_BODY


def received(method: MethodDescriptor) -> Json:
    """The contents of the file that a method replies."""
    return _RECEIVED[method.name]


def sent(method: MethodDescriptor) -> Json:
    """The contents of the file that a method takes."""
    return _SENT[method.name]
