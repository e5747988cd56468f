"""The structure of the code, as docs/architecture.md draws it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path
    for folder in ("server", "migrations", "scripts", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)
MAX_LINES = 300
# An embedded question or a riddle, where a docstring should say what a thing does or is.
UNCLEAR_OPENINGS = re.compile(
    r"(What|Who|Whom|Whose|Whether|Where|Nobody|None of|The same|That)\b", re.IGNORECASE
)


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def test_imports_run_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("folder", ["server", "server/programs", "server/libraries"])
def test_architecture_page_draws_every_folder(folder: str) -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    names = [path.name for path in (ROOT / folder).iterdir() if (path / "__init__.py").exists()]
    assert names
    assert [name for name in names if not re.search(rf"^ +{name}\b", page, re.MULTILINE)] == []


def test_architecture_page_names_modules_that_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    named = {name for name in re.findall(r"`([\w/]+\.py)`", page) if "/" in name}
    assert len(named) > 10
    roots = (ROOT, ROOT / "server", ROOT / "server/libraries")
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    long = {str(path): length for path, length in lengths.items() if length > MAX_LINES}
    assert long == {}


def test_docstrings_do_not_open_with_a_question() -> None:
    unclear = [
        f"{path}: {text.splitlines()[0]}"
        for path in MODULES
        for text in docstrings(path)
        if UNCLEAR_OPENINGS.match(text)
    ]
    assert unclear == []


def test_tuning_is_imported_before_grpc() -> None:
    """The package around it must not load what it tunes."""
    code = "import server.libraries.rpc.tuning, sys; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
