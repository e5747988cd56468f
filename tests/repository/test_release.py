"""A release: its version, its changelog entry and its wheel."""

import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts.release_notes import release_notes
from server.libraries.common import paths
from server.libraries.common.paths import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.1.0] - 2026-02-01

### Added

- Something.

## [1.0.0] - 2026-01-01

[1.1.0]: ../../releases/tag/v1.1.0
"""


class TestReleaseNotes:
    def test_returns_the_entry(self) -> None:
        assert release_notes("v1.1.0", "1.1.0", CHANGELOG) == "### Added\n\n- Something."

    @pytest.mark.parametrize(
        ("tag", "version", "error"),
        [
            ("v1.1.0", "1.0.0", "The tag is v1.1.0, but the version in pyproject.toml is 1.0.0."),
            ("1.1.0", "1.1.0", "The tag is 1.1.0"),
            ("v1.0.0", "1.0.0", "no entry for 1.0.0"),
            ("v1.2.0", "1.2.0", "no entry for 1.2.0"),
        ],
    )
    def test_rejects_a_release_that_is_not_prepared(
        self, tag: str, version: str, error: str
    ) -> None:
        with pytest.raises(SystemExit, match=error):
            release_notes(tag, version, CHANGELOG)

    def test_current_version_has_an_entry(self) -> None:
        changelog = (ROOT / "CHANGELOG.md").read_text()
        assert release_notes(f"v{VERSION}", VERSION, changelog)


def test_wheel_contains_what_the_server_reads(tmp_path: Path) -> None:
    subprocess.run(
        ["uv", "build", "--quiet", "--wheel", "--out-dir", tmp_path], cwd=ROOT, check=True
    )
    [wheel] = tmp_path.glob("gymlocker-*.whl")
    contained = set(zipfile.ZipFile(wheel).namelist())
    files = [paths.ENVOY_TEMPLATE, paths.DESCRIPTOR_SET, paths.OPENAPI]
    files += [paths.MIGRATIONS / "env.py", *paths.MIGRATIONS.glob("versions/*.py")]
    files += (ROOT / "server").glob("**/*.py")
    assert {str(file.relative_to(ROOT)) for file in files} <= contained
