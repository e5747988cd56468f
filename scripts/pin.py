"""Writes the exact versions of all dependencies, transitive ones too, into pyproject.toml.

    uv run python scripts/pin.py             pins what is resolved now
    uv run python scripts/pin.py --upgrade   resolves anew, to the newest versions, and pins those

They stand in `[tool.uv]` because `uv.lock` names the registry that it was made from and is not
kept in git.
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
    """Pins."""
    parser = argparse.ArgumentParser(description="Pin all dependencies in pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="resolve to the newest versions")
    if parser.parse_args().upgrade:
        write([], [])
        run("uv", "lock", "--upgrade", "--quiet")
    write(runtime_pins(), build_pins())
    run("uv", "lock", "--quiet")
    print(f"pinned in {PYPROJECT}")


def runtime_pins() -> list[str]:
    """All that a development environment installs, as `name==version`."""
    return pins_in(
        run("uv", "export", "--quiet", "--all-extras", "--all-groups", "--no-hashes",
            "--no-emit-project", "--no-annotate", "--no-header")
    )  # fmt: skip


def build_pins() -> list[str]:
    """All that building the project installs, as `name==version`."""
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
    """The `name==version` of each line; with the condition behind it where there are several."""
    lines = {line for line in requirements.splitlines() if "==" in line}
    versions = Counter(line.split("==")[0] for line in lines)
    return sorted(
        line if versions[line.split("==")[0]] > 1 else line.split(";")[0].strip() for line in lines
    )


def write(runtime: list[str], build: list[str]) -> None:
    """Replaces the pinned part of pyproject.toml."""
    text = PYPROJECT.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    pinned = as_toml("constraint-dependencies", runtime)
    pinned += as_toml("build-constraint-dependencies", build)
    PYPROJECT.write_text(text[:start] + pinned + text[end:])


def as_toml(name: str, pins: list[str]) -> str:
    """A TOML list, an item a line."""
    return f"{name} = [\n" + "".join(f'  "{pin}",\n' for pin in pins) + "]\n"


def run(*command: str, given: str = "") -> str:
    """The standard output of a command; its failure is ours."""
    return subprocess.run(
        command, input=given, stdout=subprocess.PIPE, text=True, check=True, cwd=PYPROJECT.parent
    ).stdout


if __name__ == "__main__":
    main()
