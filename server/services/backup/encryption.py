"""Encryption of stored backups as age files, which the tool of that name can read."""

import io
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Protocol

from server.errors import StartError
from server.libraries.settings.files import content_of

_MAGIC = b"age-encryption.org/"
_COPY_BYTES = 64 * 1024
_RECIPIENTS, _IDENTITIES = "BACKUP_AGE_RECIPIENTS", "BACKUP_AGE_IDENTITY_FILE"


class Readable(Protocol):
    """The source of a stream."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class Writable(Protocol):
    """The target of a stream."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`; return its length."""

    def flush(self) -> None:
        """Write what is buffered."""


class Cipher(Protocol):
    """Encryption of streams. Both methods block, so they belong in a thread."""

    def encrypt(self, source: Readable, target: Writable) -> None:
        """Encrypt all of `source`."""

    def decrypt(self, source: Readable, target: Writable) -> None:
        """Decrypt all of `source`. Raises an error if it was changed or cut."""


class AgeCipher:
    """Encrypts for all recipients; decrypts with any of the identities."""

    def __init__(self, recipients: Sequence[Any], identities: Sequence[Any]) -> None:
        # Imported only if backups are on.
        import pyrage

        self._age = pyrage
        self._recipients = list(recipients)
        self._identities = list(identities)

    def encrypt(self, source: Readable, target: Writable) -> None:
        """Encrypt all of `source`."""
        self._age.encrypt_io(source, target, self._recipients)

    def decrypt(self, source: Readable, target: Writable) -> None:
        """Decrypt all of `source`, which is plain if it was stored while BACKUP_PLAINTEXT was set.

        Contents are gzip, so a plain object never begins like an age file.
        """
        start = _read_exactly(source, len(_MAGIC))
        whole = _Joined(start, source)
        if start == _MAGIC:
            self._age.decrypt_io(whole, target, self._identities)
        else:
            copyfileobj(whole, target, _COPY_BYTES)


class PlainCipher:
    """Stores streams as they are. Reads encrypted ones with `earlier`, the cipher of before."""

    def __init__(self, earlier: AgeCipher | None = None) -> None:
        self._earlier = earlier

    def encrypt(self, source: Readable, target: Writable) -> None:
        """Copy all of `source`."""
        copyfileobj(source, target, _COPY_BYTES)

    def decrypt(self, source: Readable, target: Writable) -> None:
        """Copy all of `source`, or decrypt it."""
        if self._earlier:
            self._earlier.decrypt(source, target)
        else:
            copyfileobj(source, target, _COPY_BYTES)


def age_cipher(recipients: Sequence[str], identity_files: Sequence[Path]) -> AgeCipher:
    """Return the cipher of these keys; without recipients, of the first file's public key.

    Raises StartError if a key is malformed, or if the identities cannot read new backups.
    """
    identities = [one for path in identity_files for one in _identities_in(path)]
    chosen = [_recipient(text) for text in recipients] or [identities[0].to_public()]
    cipher = AgeCipher(chosen, identities)
    encrypted, decrypted = io.BytesIO(), io.BytesIO()
    cipher.encrypt(io.BytesIO(b"test"), encrypted)
    try:
        cipher.decrypt(io.BytesIO(encrypted.getvalue()), decrypted)
    except Exception as error:
        raise StartError(
            f"{_IDENTITIES} has no key that can read what {_RECIPIENTS} encrypt: add the private "
            "key (AGE-SECRET-KEY-1…) of a recipient."
        ) from error
    return cipher


def _recipient(text: str) -> Any:
    import pyrage

    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text)
    except pyrage.RecipientError:
        raise StartError(
            f"{_RECIPIENTS}: {text!r} is not a public key of age (age1…) or SSH. Copy it from the "
            "output of age-keygen."
        ) from None


def _identities_in(path: Path) -> list[Any]:
    """Return the identities of a file as age-keygen writes it, or of an SSH key."""
    import pyrage

    data = content_of(_IDENTITIES, path)
    try:
        if data.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in data.decode().splitlines()]
        found = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except (pyrage.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise StartError(
            f"{_IDENTITIES}: {path} has no private key of age. Make one with age-keygen."
        )
    return found


def _read_exactly(source: Readable, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := source.read(size - len(data))):
        data += part
    return data


class _Joined:
    """The bytes that were read of a source, followed by the rest of it."""

    def __init__(self, start: bytes, rest: Readable) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        return self._rest.read(size)
