"""Updater of repeated content: the settings table, and measurements in the README.

    uv run python scripts/readme.py [--check]

With --check, nothing is written and the exit code is 1 if a page is stale.
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
SETTINGS = ROOT / "docs/settings.md"
BENCHMARKS = ROOT / "docs/benchmarks/README.md"
LIVE_FEED = ROOT / "docs/benchmarks/live-feed.md"
SETTINGS_HEAD = "| variable | default | |\n|---|---|---|\n"
GOALS_HEAD = "| goal | measured | target | met |\n| --- | ---: | ---: | ---: |\n"
# Reports by the head of their table in the README.
REPORTS = {GOALS_HEAD: BENCHMARKS, GOALS_HEAD.replace("goal", "live feed"): LIVE_FEED}

_ROWS = r"((?:\|[^\n]*\n)*)"
# The paragraph about date, commit and machine starts with a date.
_MACHINE = re.compile(r"^(?:Measured on )?(\d{4}-\d\d-\d\d, at commit (?:.+\n)+)", re.MULTILINE)


def with_settings(page: str) -> str:
    """Return the page with the current settings table."""
    return _replaced(_table(SETTINGS_HEAD), SETTINGS_HEAD + "".join(_rows()), page, SETTINGS)


def with_measurements(readme: str) -> str:
    """Return the README with the figures of the reports, for the goals that the README lists."""
    for head, file in REPORTS.items():
        readme = _with_goals(readme, head, file)
    machine = _one(_MACHINE, BENCHMARKS.read_text(), BENCHMARKS)[1]
    return _replaced(_MACHINE, f"Measured on {machine}", readme, README)


def _with_goals(readme: str, head: str, file: Path) -> str:
    """Return the README with the rows of one report in the table with this head."""
    measured = _by_name(_one(_table(GOALS_HEAD), file.read_text(), file)[1])
    listed = _by_name(_one(_table(head), readme, README)[1])
    if unknown := listed.keys() - measured.keys():
        raise SystemExit(f"README.md lists goals that are not in the report: {sorted(unknown)}")
    return _replaced(
        _table(head), head + "".join(measured[name] for name in listed), readme, README
    )


def _table(head: str) -> re.Pattern[str]:
    return re.compile(re.escape(head) + _ROWS)


def _by_name(rows: str) -> dict[str, str]:
    return {row.split("|")[1].strip(): row for row in rows.splitlines(keepends=True)}


def _replaced(pattern: re.Pattern[str], text: str, page: str, file: Path) -> str:
    found = _one(pattern, page, file)
    return page[: found.start()] + text + page[found.end() :]


def _one(pattern: re.Pattern[str], text: str, file: Path) -> re.Match[str]:
    found = list(pattern.finditer(text))
    if len(found) != 1:
        raise SystemExit(f"{file} must contain {pattern.pattern} once, not {len(found)} times")
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
    """Update the pages, or fail if one is stale."""
    for file, updated in ((SETTINGS, with_settings), (README, with_measurements)):
        page = file.read_text()
        current = updated(page)
        if "--check" not in sys.argv:
            file.write_text(current)
        elif page != current:
            name = file.relative_to(ROOT)
            raise SystemExit(f"{name} is stale. Run: uv run python scripts/readme.py")


if __name__ == "__main__":
    main()
