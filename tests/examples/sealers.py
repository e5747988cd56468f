"""Everybody who seals: the app, as `gymlocker demo` knows it, and the example in each language.

What was not written in Python runs as a process, and is asked over a pipe.
"""

import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from server.programs.demo import keys
from tests.examples.built import built, commands

HERE = Path(__file__).parent


class Sealer(Protocol):
    """Somebody with keys: `public` is for all, `aes` for those who may read."""

    public: bytes
    aes: bytes

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        """The encrypted bytes, and their IV."""

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        """The text that the owner of both keys sealed."""

    def write(self, text: bytes, public: bytes) -> Sequence[bytes]:
        """A signed letter to the owner of `public`, piece by piece."""

    def read(self, public: bytes, *letter: bytes) -> bytes:
        """The text of a letter that the owner of `public` signed."""


class App:
    """Does it as the LiftLog app does."""

    def __init__(self) -> None:
        self._keys = keys.new_keys()
        self.public, self.aes = self._keys.public_spki, self._keys.aes

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        sealed = keys.seal(text, self.aes, self._keys.private)
        return sealed.ciphertext, sealed.iv

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        return keys.unseal(keys.Sealed(sealed, iv), aes, public)

    def write(self, text: bytes, public: bytes) -> Sequence[bytes]:
        return keys.encrypt_chunks(text + keys.sign(text, self._keys.private), public)

    def read(self, public: bytes, *letter: bytes) -> bytes:
        text, signature = keys.split_signed(keys.decrypt_chunks(letter, self._keys.private))
        keys.verify(text, signature, public)
        return text


class InPython:
    """Does it by the example's module, which is in no package."""

    def __init__(self, sealing: Any) -> None:
        self._sealing = sealing
        self._keys = sealing.Keys()
        self.public, self.aes = self._keys.public, self._keys.aes

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        sealed, iv = self._keys.seal(text)
        return sealed, iv

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        return bytes(self._sealing.unseal(sealed, iv, aes, public))

    def write(self, text: bytes, public: bytes) -> Sequence[bytes]:
        return list(self._sealing.write_letter(self._keys.sign(text), public))

    def read(self, public: bytes, *letter: bytes) -> bytes:
        return bytes(self._sealing.verified(self._keys.open_letter(letter), public))


class Elsewhere:
    """Has it done by a process: a line asks, a line answers."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.public, self.aes = self._ask("keys")

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        sealed, iv = self._ask("seal", text)
        return sealed, iv

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        return self._ask("unseal", sealed, iv, aes, public)[0]

    def write(self, text: bytes, public: bytes) -> Sequence[bytes]:
        return self._ask("write", text, public)

    def read(self, public: bytes, *letter: bytes) -> bytes:
        return self._ask("read", public, *letter)[0]

    def _ask(self, verb: str, *parts: bytes) -> list[bytes]:
        assert self._process.stdin and self._process.stdout
        print(verb, *(b64encode(part).decode() for part in parts), file=self._process.stdin)
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"{self._process.args!r} did not {verb}, and said why"
        return [b64decode(word) for word in answer.split()]


@contextmanager
def in_typescript(folder: Path) -> Iterator[Sealer]:
    """The example in TypeScript, whose module is bundled in `folder`."""
    build, _ = commands("TypeScript")
    example = built("typescript", build) / "examples" / "typescript"
    module = folder / "sealing.mjs"
    bundle = ["node_modules/.bin/esbuild", "src/sealing.ts", f"--outfile={module}"]
    subprocess.run(bundle, cwd=example, check=True, capture_output=True)
    polyfill = example / "src" / "webcrypto.cjs"
    with _asked("node", "--require", polyfill, HERE / "sealer.mjs", module) as sealer:
        yield sealer


@contextmanager
def in_kotlin() -> Iterator[Sealer]:
    """The example in Kotlin, which Java can call."""
    build, _ = commands("Kotlin")
    example = built("kotlin", build) / "examples" / "kotlin"
    said = subprocess.run(
        ["mvn", "-q", "exec:exec", "-Dexec.executable=echo", "-Dexec.args=%classpath"],
        cwd=example,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    with _asked("java", "-cp", said.stdout.strip(), HERE / "Sealer.java") as sealer:
        yield sealer


@contextmanager
def _asked(*command: str | Path) -> Iterator[Sealer]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        # It ends when nothing more is asked.
        yield Elsewhere(process)
