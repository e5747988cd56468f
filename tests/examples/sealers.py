"""All implementations of the encryption: the app's, as in `gymlocker demo`, and each example's.

Implementations in other languages run as processes and are called over a pipe.
"""

import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from server.programs.demo import keys
from tests.examples.built import built, commands
from tests.support.process import killed_on_error

HERE = Path(__file__).parent


class Sealer(Protocol):
    """An implementation with its keys: `public` is for everyone, `aes` for followers."""

    public: bytes
    aes: bytes

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        """Return the encrypted bytes and their IV."""

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        """Return the text that the owner of both keys sealed."""

    def encrypt(self, text: bytes, public: bytes) -> Sequence[bytes]:
        """Return the chunks of a signed message to the owner of `public`."""

    def decrypt(self, public: bytes, *chunks: bytes) -> bytes:
        """Return the text of a message that the owner of `public` signed."""


class App:
    """The encryption of the LiftLog app."""

    def __init__(self) -> None:
        self._keys = keys.new_keys()
        self.public, self.aes = self._keys.public_spki, self._keys.aes

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        sealed = keys.seal(text, self.aes, self._keys.private)
        return sealed.ciphertext, sealed.iv

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        return keys.unseal(keys.Sealed(sealed, iv), aes, public)

    def encrypt(self, text: bytes, public: bytes) -> Sequence[bytes]:
        return keys.encrypt_chunks(text + keys.sign(text, self._keys.private), public)

    def decrypt(self, public: bytes, *chunks: bytes) -> bytes:
        text, signature = keys.split_signed(keys.decrypt_chunks(chunks, self._keys.private))
        keys.verify(text, signature, public)
        return text


class InPython:
    """The Python example's module, which is not in a package."""

    def __init__(self, sealing: Any) -> None:
        self._sealing = sealing
        self._keys = sealing.Keys()
        self.public, self.aes = self._keys.public, self._keys.aes

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        sealed, iv = self._keys.seal(text)
        return sealed, iv

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        return bytes(self._sealing.unseal(sealed, iv, aes, public))

    def encrypt(self, text: bytes, public: bytes) -> Sequence[bytes]:
        return list(self._sealing.encrypt_message(self._keys.sign(text), public))

    def decrypt(self, public: bytes, *chunks: bytes) -> bytes:
        return bytes(self._sealing.verified(self._keys.decrypt_message(chunks), public))


class InProcess:
    """An implementation in another process; requests and responses are lines."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.public, self.aes = self._call("keys")

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        sealed, iv = self._call("seal", text)
        return sealed, iv

    def unseal(self, sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
        return self._call("unseal", sealed, iv, aes, public)[0]

    def encrypt(self, text: bytes, public: bytes) -> Sequence[bytes]:
        return self._call("encrypt", text, public)

    def decrypt(self, public: bytes, *chunks: bytes) -> bytes:
        return self._call("decrypt", public, *chunks)[0]

    def _call(self, verb: str, *parts: bytes) -> list[bytes]:
        assert self._process.stdin and self._process.stdout
        print(verb, *(b64encode(part).decode() for part in parts), file=self._process.stdin)
        self._process.stdin.flush()
        response = self._process.stdout.readline()
        assert response, f"{self._process.args!r} failed to {verb}; see its error output"
        return [b64decode(word) for word in response.split()]


@contextmanager
def in_typescript(folder: Path) -> Iterator[Sealer]:
    """Run the TypeScript example; its module is bundled in `folder`."""
    build, _ = commands("TypeScript")
    example = built("typescript", build) / "examples" / "typescript"
    module = folder / "sealing.mjs"
    bundle = ["node_modules/.bin/esbuild", "src/sealing.ts", f"--outfile={module}"]
    subprocess.run(bundle, cwd=example, check=True, capture_output=True)
    polyfill = example / "src" / "webcrypto.cjs"
    with _started("node", "--require", polyfill, HERE / "sealer.mjs", module) as sealer:
        yield sealer


@contextmanager
def in_kotlin() -> Iterator[Sealer]:
    """Run the Kotlin example, called from Java."""
    build, _ = commands("Kotlin")
    example = built("kotlin", build) / "examples" / "kotlin"
    classpath = subprocess.run(
        ["mvn", "-q", "exec:exec", "-Dexec.executable=echo", "-Dexec.args=%classpath"],
        cwd=example,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    with _started("java", "-cp", classpath.stdout.strip(), HERE / "Sealer.java") as sealer:
        yield sealer


@contextmanager
def _started(*command: str | Path) -> Iterator[Sealer]:
    with killed_on_error(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ) as process:
        # The process ends when its standard input is closed.
        yield InProcess(process)
