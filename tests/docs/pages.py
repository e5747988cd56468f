"""Reads the Markdown pages of the repository and runs their commands."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from server.libraries.common.paths import ROOT

_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def read(page: str) -> str:
    """Return the text of a page, given by its path in the repository."""
    return (ROOT / page).read_text()


def section(page: str, title: str) -> str:
    """Return the section with this title, with the sections below it."""
    level, text = re.split(rf"^(#+) {re.escape(title)}\n", read(page), flags=re.MULTILINE)[1:]
    return re.split(rf"^#{{1,{len(level)}}} ", text, flags=re.MULTILINE)[0]


def commands(page: str, title: str) -> str:
    """Return the `sh` blocks of a section as one script."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", section(page, title), re.DOTALL))


def run(
    script: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script that must succeed; its first failing command ends it."""
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done


def links(page: str) -> list[str]:
    """Return the targets of all links that stay in the repository."""
    text = _FENCED.sub("", read(page))
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
