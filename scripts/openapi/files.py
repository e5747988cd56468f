"""Bodies that are files instead of JSON: google.api.HttpBody, which no descriptor describes."""

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from scripts.openapi.limits import Json

HTTP_BODY = "google.api.HttpBody"
MIB = 1024 * 1024

# The fields of a workout in a JSON file. Its `etag` and its counts are not exported.
_REQUIRED = ["id", "date", "type", "duration", "notes", "exercises", "source", "createTime"]
_WORKOUT: Json = {
    "type": "object",
    "description": "A workout with its exercises, named as in the API.",
    "properties": {
        name: {"$ref": f"#/components/schemas/Workout/properties/{name}"}
        for name in (*_REQUIRED, "startTime")
    },
    "required": _REQUIRED,
}
_CSV = """\
date,type,duration,start_time,exercise,reps,weight,weight_unit,distance,distance_unit
2026-02-03,Running,32,2026-02-03T07:00:00+01:00,Running,,,,5.2,km
2026-02-05,Lifting,50,2026-02-05T18:30:00+01:00,Bench Press,5,97.5,kg,,
2026-02-05,Lifting,50,2026-02-05T18:30:00+01:00,Bench Press,4,100,kg,,
2026-02-05,Lifting,50,2026-02-05T18:30:00+01:00,Squat,5,120,kg,,
"""

_BACKUP: Json = {
    "type": "string",
    "contentMediaType": "application/gzip",
    "maxLength": 64 * MIB,
    "description": "A backup of LiftLog (.liftlogbackup.gz), at most 64 MiB.",
}

# The contents of the file by the name of the method.
_RECEIVED: dict[str, Json] = {
    "ExportWorkouts": {
        "text/csv": {
            "schema": {
                "type": "string",
                "description": "RFC 4180, UTF-8, with a header and a line for each set. The "
                "formats `fitnotes` and `strong` have the columns of these apps.",
            },
            "example": _CSV,
        },
        "application/json": {"schema": {"type": "array", "items": _WORKOUT}},
    },
    "DownloadBackup": {"application/gzip": {"schema": _BACKUP}},
    "ExportAccount": {
        "application/json": {
            "schema": {
                "type": "object",
                "description": "All that is stored of the caller, named as in the API.",
            }
        }
    },
}
_SENT: dict[str, Json] = {
    "UploadBackup": {"application/octet-stream": {"schema": _BACKUP}},
    "ImportWorkouts": {
        "text/csv": {
            "schema": {
                "type": "string",
                "minLength": 1,
                # In bytes, for which there is no keyword.
                "maxLength": 16 * MIB,
                "description": "A CSV file, at most 16 MiB.",
            },
            "example": _CSV,
        },
        "application/json": {
            "schema": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "A workout as in ExportWorkouts. Required are date, type and "
                    "duration.",
                },
                "description": "The JSON of ExportWorkouts, at most 16 MiB.",
            },
            "example": [{"date": "2026-02-03", "type": "Running", "duration": 32}],
        },
        "application/gzip": {"schema": _BACKUP},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "A form. Its first file is imported, its other fields are ignored: "
                "options belong into the query.",
                "properties": {
                    "file": {
                        "type": "string",
                        "contentMediaType": "application/octet-stream",
                        "description": "Any of these files.",
                    }
                },
                "required": ["file"],
            }
        },
    },
}


def is_file(message: Descriptor) -> bool:
    """Check whether a message is a file."""
    return message.full_name == HTTP_BODY


def is_conditional(method: MethodDescriptor) -> bool:
    """Check whether a method sends its file only to callers that do not have it yet."""
    return method.name == "DownloadBackup"


def received(method: MethodDescriptor) -> Json:
    """Return the contents of the file in a method's reply."""
    return _RECEIVED[method.name]


def sent(method: MethodDescriptor) -> Json:
    """Return the contents of the file in a method's request."""
    return _SENT[method.name]
