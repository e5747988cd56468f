"""npm packages for tests, installed once for each lock file."""

import getpass
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path


def installed(lock_folder: Path, name: str) -> Path:
    """Install the packages of the lock file in `lock_folder`; return their folder."""
    lock = hashlib.sha256((lock_folder / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"gymlocker-{name}-{getpass.getuser()}-{lock}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(prefix=f"gymlocker-{name}-") as temporary:
            fresh = Path(temporary) / "fresh"
            fresh.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copy(lock_folder / file, fresh)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=fresh, check=True, capture_output=True, timeout=100)
            try:
                fresh.rename(folder)
            except OSError:
                assert folder.is_dir()  # installed by another process meanwhile
    return folder / "node_modules"
