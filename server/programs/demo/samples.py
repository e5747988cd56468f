"""Sample data of Ada and Ben: training sessions, a plan and profile pictures.

Sessions are JSON in UTF-8 with many non-ASCII characters, as people do type them.
"""

import hashlib
import json
import struct
import zlib
from typing import Any

PICTURE_SIDE = 192
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_TRUECOLOUR = 2


def first_workouts() -> list[bytes]:
    """Return the three sessions that Ada publishes first, about 0.5 KB each."""
    return [
        _session(
            "Push-Übung A",
            "Schulter zwickt – leichter angefangen.",
            _lift("Bench press", 60, [8, 8, 8, 7]),
            _lift("Überkopfdrücken", 37.5, [8, 8, 6]),
            _lift("Dips", 0, [12, 10, 9]),
        ),
        _session(
            "Beine 🦵",
            "スクワットは深く。Kein Gürtel.",
            _lift("Kniebeuge", 100, [5, 5, 5, 5, 5]),
            _lift("Rumänisches Kreuzheben", 80, [8, 8, 8]),
            _lift("Wadenheben", 45.5, [15, 15, 12]),
        ),
        _session(
            "Pull – Rücken",
            "Last set “to failure”, très dur…",
            _lift("Klimmzüge", 0, [10, 8, 7, 6]),
            _lift("Rudern", 55, [10, 10, 10]),
            _lift("Curls", 14, [12, 12, 10]),
        ),
    ]


def corrected_workout() -> bytes:
    """Return the first session with the set that Ada forgot to log."""
    return _session(
        "Push-Übung A ✓",
        "Schulter zwickt – leichter angefangen. Vierter Satz nachgetragen.",
        _lift("Bench press", 60, [8, 8, 8, 7]),
        _lift("Überkopfdrücken", 37.5, [8, 8, 6, 6]),
        _lift("Dips", 0, [12, 10, 9]),
    )


def late_workout() -> bytes:
    """Return the session that Ada publishes after Ben has read the others."""
    return _session("Läufchen, 5 km", "26 °C, ≈ 5:40 min/km", _lift("Plank", 0, [60, 60]))


def plan() -> bytes:
    """Return the plan that Ada shares by link."""
    days = ["Montag: Push", "Mittwoch: Beine", "Freitag: Pull", "Sonntag: naïve Yoga 🧘"]
    return _to_json({"name": "Vier Tage, Grundübungen", "weeks": 8, "days": days})


def name_of(text: bytes) -> str:
    """Return the name in a session or a plan."""
    return str(json.loads(text)["name"])


def picture(seed: str) -> bytes:
    """Return a valid PNG profile picture of about 100 KB, 192 pixels square.

    Noise keeps it from compressing to almost nothing, as it does in a photo.
    """
    noise = hashlib.shake_256(seed.encode()).digest(PICTURE_SIDE * PICTURE_SIDE * 3)
    shades = bytes((a + b % 32) % 256 for a, b in zip(_gradient(), noise, strict=True))
    width = PICTURE_SIDE * 3
    # Each row starts with the number of its filter; 0 means no filter.
    rows = b"".join(b"\0" + shades[at : at + width] for at in range(0, len(shades), width))
    header = struct.pack(">IIBBBBB", PICTURE_SIDE, PICTURE_SIDE, 8, _PNG_TRUECOLOUR, 0, 0, 0)
    return (
        _PNG_SIGNATURE
        + _png_chunk(b"IHDR", header)
        + _png_chunk(b"IDAT", zlib.compress(rows))
        + _png_chunk(b"IEND", b"")
    )


def _session(name: str, notes: str, *exercises: dict[str, Any]) -> bytes:
    return _to_json({"name": name, "notes": notes, "unit": "kg", "exercises": exercises})


def _lift(name: str, weight: float, repetitions: list[int]) -> dict[str, Any]:
    return {"name": name, "sets": [{"reps": reps, "weight": weight} for reps in repetitions]}


def _to_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _gradient() -> list[int]:
    return [
        shade
        for line in range(PICTURE_SIDE)
        for column in range(PICTURE_SIDE)
        for shade in (line, (line + column) // 2, 255 - column)
    ]


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
