"""Vendoring of third-party scripts and styles in `server/programs/web/pages/vendor/`.

    uv run python scripts/vendor.py           copies the packages of scripts/vendored
    uv run python scripts/vendor.py --check   writes nothing, fails if a byte would change

npm installs the packages, verifies the hashes in the lock file and runs none of their scripts. To
update: change scripts/vendored/package.json, run `npm install --package-lock-only` there, and then
run this script.
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

# Served file name, and path of the file in node_modules.
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

# The only change: ReDoc loads a logo from an external host, and no option prevents that. It omits
# an empty image.
LOGO = b'"https://cdn.redoc.ly/redoc/logo-mini.svg"'
NO_LOGO = b'"data:,"'


def main() -> None:
    """Copy the files, or check that this would change nothing."""
    parser = argparse.ArgumentParser(description="Copy third-party files for the web pages.")
    parser.add_argument("--check", action="store_true", help="fail if a byte would change")
    only_check = parser.parse_args().check
    with tempfile.TemporaryDirectory(prefix="gymlocker-vendor-") as temporary:
        fresh = copies(installed(Path(temporary)))
    if only_check:
        check(fresh)
    else:
        write(fresh)


def installed(folder: Path) -> Path:
    """Install the packages of the lock file in `folder`; return the node_modules directory."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(LOCK / name, folder)
    npm = shutil.which("npm") or sys.exit(
        "npm is not installed. See CONTRIBUTING.md for its installation."
    )
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder / "node_modules"


def copies(modules: Path) -> dict[str, bytes]:
    """Return the contents of the files in `TARGET`, by name."""
    fresh = {name: (modules / source).read_bytes() for name, source in FILES.items()}
    redoc = fresh["redoc.standalone.js"]
    if redoc.count(LOGO) != 1:
        sys.exit("ReDoc loads its logo in another way: update LOGO in scripts/vendor.py.")
    fresh["redoc.standalone.js"] = redoc.replace(LOGO, NO_LOGO)
    return fresh


def check(fresh: dict[str, bytes]) -> None:
    """Exit with the names of the files that differ from `fresh`."""
    present = {path.name: path.read_bytes() for path in TARGET.iterdir()}
    if wrong := sorted(
        name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name)
    ):
        sys.exit(
            f"{TARGET} differs from scripts/vendored/package-lock.json in: "
            f"{', '.join(wrong)}. Run: uv run python scripts/vendor.py"
        )
    print(f"{TARGET} is up to date")


def write(fresh: dict[str, bytes]) -> None:
    """Replace all files in `TARGET`."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    for name, content in fresh.items():
        (TARGET / name).write_bytes(content)
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
