"""Writes what the README repeats: the table of settings, and what the benchmarks measured.

    uv run python scripts/readme.py [--check]

With --check nothing is written: the exit code says whether all is as it should be.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo

from server.libraries.common.paths import ROOT
from server.programs.diagnostics.configuration import GROUPS

README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs/benchmarks/README.md"
SETTINGS = "| variable | default | |\n|---|---|---|\n"
GOALS = "| what | measured | wanted | reached |\n| --- | ---: | ---: | ---: |\n"

_ROWS = r"(?:\|[^\n]*\n)*"
# When, where and with what: a paragraph that begins so.
_MACHINE = re.compile(r"^(?:Measured on )?(\d{4}-\d\d-\d\d, at commit (?:.+\n)+)", re.MULTILINE)


def written(readme: str) -> str:
    """The README as it should be."""
    benchmarks = BENCHMARKS.read_text()
    goals = _one(_table(GOALS), benchmarks, BENCHMARKS)[0]
    machine = _one(_MACHINE, benchmarks, BENCHMARKS)[1]
    for pattern, text in (
        (_table(SETTINGS), SETTINGS + "".join(_rows())),
        (_table(GOALS), goals),
        (_MACHINE, f"Measured on {machine}"),
    ):
        found = _one(pattern, readme, README)
        readme = readme[: found.start()] + text + readme[found.end() :]
    return readme


def _table(head: str) -> re.Pattern[str]:
    return re.compile(re.escape(head) + _ROWS)


def _one(pattern: re.Pattern[str], text: str, file: Path) -> re.Match[str]:
    found = list(pattern.finditer(text))
    if len(found) != 1:
        raise SystemExit(f"{file} should have one {pattern.pattern}, and has {len(found)}")
    return found[0]


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
    if isinstance(default, ByteSize):
        return f"`{default.human_readable(separator='')}`"
    if field.is_required() or default is None or default == "":
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"{default:g}" if isinstance(default, int | float) else f"`{default}`"


def main() -> None:
    """Writes the README, or says whether it is stale."""
    readme = README.read_text()
    right = written(readme)
    if "--check" not in sys.argv:
        README.write_text(right)
    elif readme != right:
        raise SystemExit("README.md is stale. Run: uv run python scripts/readme.py")


if __name__ == "__main__":
    main()
