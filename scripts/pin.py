"""Pinning of all dependencies in pyproject.toml: exact versions, including transitive ones.

    uv run python scripts/pin.py             pin the currently resolved versions
    uv run python scripts/pin.py --upgrade   resolve the newest versions and pin them

The versions are in `[tool.uv]`, because `uv.lock` names the registry it was resolved from and is
therefore not in git.
"""

import argparse
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
BEGIN = "# Written by scripts/pin.py: exact versions, transitive ones too.\n"
END = "# End of what scripts/pin.py writes.\n"


def main() -> None:
    """Pin all dependencies."""
    parser = argparse.ArgumentParser(description="Pin all dependencies in pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="resolve to the newest versions")
    if parser.parse_args().upgrade:
        write([], [])
        run("uv", "lock", "--upgrade", "--quiet")
    write(runtime_pins(), build_pins())
    run("uv", "lock", "--quiet")
    print(f"pinned in {PYPROJECT}")


def runtime_pins() -> list[str]:
    """Return the packages of a development environment, as `name==version`."""
    return pins_in(
        run("uv", "export", "--quiet", "--all-extras", "--all-groups", "--no-hashes",
            "--no-emit-project", "--no-annotate", "--no-header")
    )  # fmt: skip


def build_pins() -> list[str]:
    """Return the packages needed to build the project, as `name==version`."""
    requires = tomllib.loads(PYPROJECT.read_text())["build-system"]["requires"]
    return pins_in(
        run(
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--no-annotate",
            "--no-header",
            "-",
            given="\n".join(requires),
        )
    )


def pins_in(requirements: str) -> list[str]:
    """Return the `name==version` of each line, with its marker if the name has several versions."""
    lines = {line for line in requirements.splitlines() if "==" in line}
    versions = Counter(line.split("==")[0] for line in lines)
    return sorted(
        line if versions[line.split("==")[0]] > 1 else line.split(";")[0].strip() for line in lines
    )


def write(runtime: list[str], build: list[str]) -> None:
    """Replace the generated section of pyproject.toml."""
    text = PYPROJECT.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    pinned = as_toml("constraint-dependencies", runtime)
    pinned += as_toml("build-constraint-dependencies", build)
    PYPROJECT.write_text(text[:start] + pinned + text[end:])


def as_toml(name: str, pins: list[str]) -> str:
    """Return a TOML list with one item per line."""
    return f"{name} = [\n" + "".join(f'  "{pin}",\n' for pin in pins) + "]\n"


def run(*command: str, given: str = "") -> str:
    """Run a command and return its standard output. Raise CalledProcessError if it fails."""
    return subprocess.run(
        command, input=given, stdout=subprocess.PIPE, text=True, check=True, cwd=PYPROJECT.parent
    ).stdout


if __name__ == "__main__":
    main()
