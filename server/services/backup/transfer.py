"""Contents on their way: encrypted while they arrive, decrypted while they leave."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import structlog

from server.errors import TooLarge, disk_full
from server.libraries.common.full_disk import lacks_room
from server.libraries.limits.transfers import MAX_TRANSFERS, Transfer
from server.libraries.rpc.conversions import invalid_field
from server.services.backup.encryption import Cipher, Readable, Writable
from server.services.backup.model import Backup, Contents
from server.services.backup.object_store import (
    ObjectMissing,
    ObjectStore,
    reachable,
    store_unavailable,
)
from server.services.backup.pipes import Inlet, Outlet

GZIP = b"\x1f\x8b"
MIB = 1024 * 1024

_log = structlog.get_logger("backup")


class Transporter:
    """Receives and returns the contents of backups, with bounded memory."""

    def __init__(self, store: ObjectStore, cipher: Cipher, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._store = store
        self._cipher = cipher
        # A thread for each slot of uploads and of downloads. Threads that wait for slow clients
        # must not delay the work of others.
        self._threads = ThreadPoolExecutor(2 * MAX_TRANSFERS, thread_name_prefix="backup")

    def close(self) -> None:
        """Let idle threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def receive(
        self, transfer: Transfer, data: AsyncIterator[bytes], spool: BinaryIO
    ) -> Contents:
        """Write the encrypted contents to `spool`.

        Raises InvalidArgument if they are no backup, TooLarge if they are too large.
        """
        inlet = Inlet()
        source = _Hashed(inlet)
        encrypting = self._in_thread(self._encrypt, source, spool, inlet.is_closed)
        encrypting.add_done_callback(lambda _: inlet.wake())
        start = b""
        try:
            async with transfer.flowing():
                async for chunk in data:
                    transfer.moved(len(chunk))
                    start += chunk[: len(GZIP) - len(start)]
                    source.size += len(chunk)
                    _require_beginning(start)
                    require_size(source.size, self.max_bytes)
                    await inlet.write(chunk)
                    # A mebibyte over REST, which is not needed while the next one arrives.
                    del chunk
                    if encrypting.done():
                        break
            if len(start) < len(GZIP):
                raise _no_backup("is empty" if not start else "is not compressed by gzip")
            inlet.finish()
            await asyncio.shield(encrypting)
        except BaseException:
            inlet.abort()
            await _ended(encrypting)
            raise
        return Contents(source.digest(), source.size)

    async def chunks(self, backup: Backup) -> AsyncGenerator[bytes]:
        """Yield the contents.

        Raises Unavailable if they cannot be read: then at least the last chunk is missing.
        """
        outlet = Outlet()
        decrypting = self._in_thread(self._decrypt, backup, outlet)
        decrypting.add_done_callback(lambda _: outlet.end())
        try:
            while (chunk := await outlet.read()) is not None:
                yield chunk
            await asyncio.shield(decrypting)
        finally:
            outlet.close()
            await _ended(decrypting)

    async def write(self, backup: Backup, file: BinaryIO) -> None:
        """Write the contents to a file. Raises Unavailable if they cannot be read."""
        async for chunk in self.chunks(backup):
            await asyncio.to_thread(file.write, chunk)

    def _in_thread(self, work: Callable[..., None], *arguments: Any) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _encrypt(self, source: Readable, spool: BinaryIO, is_closed: Callable[[], bool]) -> None:
        target = _Recorded(spool)
        with reachable("encrypt", is_closed):
            try:
                self._cipher.encrypt(source, target)
                target.flush()
            except Exception:
                if target.error is not None and lacks_room(target.error):
                    raise disk_full() from target.error
                raise

    def _decrypt(self, backup: Backup, outlet: Outlet) -> None:
        """Decrypt into `outlet`. The last chunk is sent if all of it is as it was received."""
        target = _HashedCopy(outlet)
        try:
            with (
                reachable("decrypt", outlet.is_closed),
                self._store.open(backup.object_id) as source,
            ):
                self._cipher.decrypt(source, target)
        except ObjectMissing as error:
            _log.error("object_missing", object=str(backup.object_id))
            raise store_unavailable() from error
        if target.contents() != backup.contents:
            _log.error("object_changed", object=str(backup.object_id))
            raise store_unavailable()
        outlet.finish()


def require_size(size: int, max_bytes: int) -> None:
    """Raise TooLarge if a backup has more bytes than are accepted."""
    if size > max_bytes:
        text = f"file: must not be larger than {max_bytes // MIB} MiB (BACKUP_MAX_MEBIBYTES)"
        raise TooLarge(text, violations=[("file", text)], reason="REQUEST_TOO_LARGE")


class _Hashed:
    """A source that hashes what is read of it. The event loop counts the size."""

    def __init__(self, source: Readable) -> None:
        self.size = 0
        self._source = source
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> bytes:
        return self._hash.digest()


class _HashedCopy:
    """A target that hashes and counts what is written to it."""

    def __init__(self, target: Writable) -> None:
        self._target = target
        self._size = 0
        self._hash = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self._size += len(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()

    def contents(self) -> Contents:
        return Contents(self._hash.digest(), self._size)


class _Recorded:
    """A file that remembers its error, which the library for encryption replaces by its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes, /) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self.error = error
            raise


def _require_beginning(start: bytes) -> None:
    if not GZIP.startswith(start):
        raise _no_backup("is not compressed by gzip")


def _no_backup(problem: str) -> Exception:
    return invalid_field("file", f"{problem}; send a .liftlogbackup.gz of the app")


async def _ended(work: "asyncio.Future[None]") -> None:
    """Wait for a thread, whatever its result."""
    await asyncio.wait([work])
    if not work.cancelled():
        work.exception()
