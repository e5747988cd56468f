"""Claims of the documentation that can be checked: settings, calls, links."""

import re
import subprocess
from pathlib import Path

import pytest

from server.libraries.common.paths import ROOT
from server.programs.diagnostics.configuration import GROUPS
from tests.docs.pages import anchors, links, read

PAGES = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


def test_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) <= 250


def test_settings_table_is_complete() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \|", read("docs/settings.md"), re.MULTILINE)
    known = [name.upper() for group in GROUPS for name in group.model_fields]
    assert named == list(dict.fromkeys(known))


def test_table_of_contents_is_complete() -> None:
    linked = {(ROOT / "docs" / link).resolve() for link in links("docs/README.md")}
    pages = set((ROOT / "docs").glob("*.md")) - {ROOT / "docs/README.md"}
    assert pages <= linked
    assert ROOT / "docs/decisions" in linked


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(Path(target)), link


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page: str) -> None:
    folders = "benchmarks|deploy|docs|examples|generated|migrations|proto|scripts|server|tests"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", read(page)):
        assert (ROOT / path).exists(), path
