"""Writes the README's table of settings from the settings themselves.

    uv run python scripts/readme.py [--check]

With --check nothing is written: the exit code says whether the table is what it should be.
"""

import re
import sys
from collections.abc import Iterator

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from server.operation.configuration import GROUPS
from server.paths import ROOT

README = ROOT / "README.md"
HEAD = "| variable | default | |\n|---|---|---|\n"

_TABLE = re.compile(re.escape(HEAD) + r"(?:\|[^\n]*\n)*")


def written(readme: str) -> str:
    """The README with the table as it should be."""
    found, count = _TABLE.subn(lambda _: HEAD + "".join(_rows()), readme)
    if count != 1:
        raise SystemExit(f"README.md should have one table that begins with: {HEAD}")
    return found


def _rows() -> Iterator[str]:
    fields = {name: field for group in GROUPS for name, field in group.model_fields.items()}
    for name, field in fields.items():
        yield f"| `{name.upper()}` | {_default(field)} | {field.description} |\n".replace(
            "|  |", "| |"
        )


def _default(field: FieldInfo) -> str:
    if isinstance(field.json_schema_extra, dict) and "unset" in field.json_schema_extra:
        return str(field.json_schema_extra["unset"])
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if field.is_required() or default is None or default == "":
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"{default:g}" if isinstance(default, int | float) else f"`{default}`"


def main() -> None:
    """Writes the table, or says whether it is stale."""
    readme = README.read_text()
    right = written(readme)
    if "--check" not in sys.argv:
        README.write_text(right)
    elif readme != right:
        raise SystemExit("README.md is stale. Run: uv run python scripts/readme.py")


if __name__ == "__main__":
    main()
