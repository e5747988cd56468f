"""Printer of the changelog entry of a release.

    python scripts/release_notes.py v0.2.0

It fails if the tag is not the version in pyproject.toml, or if the changelog has no entry for it.
It uses the standard library only, so the release workflow can run it anywhere.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def release_notes(tag: str, version: str, changelog: str) -> str:
    """Return the entry of `version`, which must be the version of `tag`."""
    if tag != f"v{version}":
        raise SystemExit(f"The tag is {tag}, but the version in pyproject.toml is {version}.")
    entry = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |^\[|\Z)",
        changelog,
        re.MULTILINE | re.DOTALL,
    )
    if entry is None or not entry[1].strip():
        raise SystemExit(f"CHANGELOG.md has no entry for {version}.")
    return entry[1].strip()


def main() -> None:
    """Print the entry of the tag that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python scripts/release_notes.py TAG")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    print(release_notes(sys.argv[1], project["version"], changelog))


if __name__ == "__main__":
    main()
