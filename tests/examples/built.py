"""The examples, built with the commands of their README outside of the checkout."""

import getpass
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from server.libraries.common.paths import DESCRIPTOR_SET, ROOT

EXAMPLES = ROOT / "examples"
# The output of each example on success.
STEPS = """\
Ada and Bob published their public keys and their encrypted names
Ada sent Bob her follow secret and her key, encrypted for him
Bob decrypted it and read Ada's name: Ada Lovelace
Ada published a workout: 320 encrypted bytes
Bob read it, byte for byte: {"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}
Ada and Bob deleted their users
registered and logged in
the log contains one workout: 2026-02-07 Lifting, 55 minutes, 2 sets of Squat
deleted the workout and the account
"""
# Build products that a working copy may contain.
PRODUCTS = shutil.ignore_patterns("node_modules", "dist", "target", "generated", "__pycache__")


def commands(title: str) -> list[str]:
    """Return the `sh` blocks of the README's section with this title."""
    section = (EXAMPLES / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def built(language: str, build: str) -> Path:
    """Return the root of a repository with a built example; each version is built once."""
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
                assert folder.is_dir()  # Another process has built it.
    return folder


def _digest(folder: Path, build: str) -> str:
    digest = hashlib.sha256(build.encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
