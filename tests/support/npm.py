"""What tests use of npm's packages: installed as a lock file says, once for each lock file."""

import getpass
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path


def installed(lock_folder: Path, name: str) -> Path:
    """The folder `node_modules` of what the package.json in `lock_folder` asks for."""
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
                assert folder.is_dir()  # another process was faster
    return folder / "node_modules"
