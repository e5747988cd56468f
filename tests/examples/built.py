"""The examples as a newcomer has them after the README's commands, outside of the checkout."""

import getpass
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from server.libraries.common.paths import DESCRIPTOR_SET, ROOT

EXAMPLES = ROOT / "examples"
# What each of them says when all is well.
STEPS = """\
Ada and Bob published their public keys and their encrypted names
Ada sent Bob her follow secret and her key, encrypted for him
Bob opened it, and reads Ada's name: Ada Lovelace
Ada published a workout: 320 encrypted bytes
Bob read it, byte for byte: {"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}
Ada and Bob deleted themselves
registered and logged in
the diary holds one workout: 2026-02-07 Running, 30 minutes
deleted the workout and the account
"""
# What building leaves behind in a folder that somebody worked in.
PRODUCTS = shutil.ignore_patterns("node_modules", "dist", "target", "generated", "__pycache__")


def commands(title: str) -> list[str]:
    """The `sh` blocks of the README's section with this title."""
    section = (EXAMPLES / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def built(language: str, build: str) -> Path:
    """The top of a repository in which an example was built: once for each state of it."""
    with tempfile.TemporaryDirectory(prefix="gymlocker-example-") as name:
        fresh = Path(name) / "repository"
        shutil.copytree(EXAMPLES / language, fresh / "examples" / language, ignore=PRODUCTS)
        shutil.copytree(ROOT / "proto", fresh / "proto")
        (fresh / "generated").mkdir()
        shutil.copy(DESCRIPTOR_SET, fresh / "generated")
        state = _digest(fresh, build)
        folder = Path(tempfile.gettempdir()) / f"gymlocker-{language}-{getpass.getuser()}-{state}"
        if not folder.is_dir():
            subprocess.run(["bash", "-euxo", "pipefail", "-c", build], cwd=fresh, check=True)
            try:
                fresh.rename(folder)
            except OSError:
                assert folder.is_dir()  # another process was faster
    return folder


def _digest(folder: Path, build: str) -> str:
    digest = hashlib.sha256(build.encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
