"""Copies other people's scripts and styles for our pages into `server/programs/web/pages/vendor/`.

    uv run python scripts/vendor.py           copies what scripts/vendored/package-lock.json names
    uv run python scripts/vendor.py --check   writes nothing, fails if that would change a byte

They are installed by npm, which compares them with the hashes in the lock file and runs none of
their scripts. A newer version: change scripts/vendored/package.json, run `npm install
--package-lock-only` there, and then this.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "scripts" / "vendored"
TARGET = ROOT / "server/programs/web/pages/vendor"

# What we serve, by the name that it has there, and where it is in its package.
FILES = {
    "redoc.standalone.js": "redoc/bundles/redoc.standalone.js",
    "redoc.standalone.js.LICENSE.txt": "redoc/bundles/redoc.standalone.js.LICENSE.txt",
    "redoc.LICENSE.txt": "redoc/LICENSE",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui.LICENSE.txt": "swagger-ui-dist/LICENSE",
    "swagger-ui.NOTICE.txt": "swagger-ui-dist/NOTICE",
}

# The one thing that is changed: ReDoc loads a logo from elsewhere, and no option keeps it from
# that. An image that is empty, it leaves out.
LOGO = b'"https://cdn.redoc.ly/redoc/logo-mini.svg"'
NO_LOGO = b'"data:,"'


def main() -> None:
    """Copies, or checks that copying would change nothing."""
    parser = argparse.ArgumentParser(description="Copy what our pages use of others.")
    parser.add_argument("--check", action="store_true", help="fail if a byte would change")
    only_check = parser.parse_args().check
    with tempfile.TemporaryDirectory(prefix="gymlocker-vendor-") as temporary:
        fresh = copies(installed(Path(temporary)))
    if only_check:
        check(fresh)
    else:
        write(fresh)


def installed(folder: Path) -> Path:
    """Installs what the lock file names into `folder`; returns where it is."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(LOCK / name, folder)
    npm = shutil.which("npm") or sys.exit("npm is not installed; CONTRIBUTING.md says how")
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder / "node_modules"


def copies(modules: Path) -> dict[str, bytes]:
    """Returns what belongs into `TARGET`, by name."""
    fresh = {name: (modules / source).read_bytes() for name, source in FILES.items()}
    redoc = fresh["redoc.standalone.js"]
    if redoc.count(LOGO) != 1:
        sys.exit("ReDoc does not load its logo as it did; look how it does now.")
    fresh["redoc.standalone.js"] = redoc.replace(LOGO, NO_LOGO)
    return fresh


def check(fresh: dict[str, bytes]) -> None:
    """Exits with the names of the files that differ from `fresh`."""
    present = {path.name: path.read_bytes() for path in TARGET.iterdir()}
    if wrong := sorted(
        name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name)
    ):
        sys.exit(
            f"{TARGET} is not what scripts/vendored/package-lock.json says, in: "
            f"{', '.join(wrong)}. Run: uv run python scripts/vendor.py"
        )
    print(f"{TARGET} is what scripts/vendored/package-lock.json says")


def write(fresh: dict[str, bytes]) -> None:
    """Replaces all files in `TARGET`."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    for name, content in fresh.items():
        (TARGET / name).write_bytes(content)
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
