"""Memory that the processes of one server share: a file of the data folder, and a lock on it."""

import fcntl
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SharedMemory:
    """So many bytes, zero at first; all who name the same file see the same."""

    def __init__(self, path: Path | None, size: int) -> None:
        """Open it.

        Args:
            path: The file, made where there is none; None: the memory is of this process alone.
            size: In bytes, the same for all.
        """
        self._file = None if path is None else path.open("a+b")
        if self._file is None:
            self.memory = mmap.mmap(-1, size)
        else:
            self._file.truncate(size)
            self.memory = mmap.mmap(self._file.fileno(), size)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process in while the block runs; the kernel lifts the lock of a dead one."""
        if self._file is None:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; the memory can still be read."""
        if self._file is not None:
            self._file.close()
