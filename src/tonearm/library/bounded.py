"""A file that returns no more than it contains, whatever a damaged header requests."""

from __future__ import annotations

import errno
import os
from io import BufferedReader, FileIO

LARGEST_READ = 64 * 2**20
"""Bytes in one read; only pictures come near."""

_SMALL_READ = 2**16


class BoundedFile(BufferedReader):
    """A file open for reading. `failure` is the last error of the disk, which libraries tend to mistake for damage."""

    def __init__(self, path: str) -> None:
        super().__init__(FileIO(path))
        self.size = os.fstat(self.fileno()).st_size
        self.failure: OSError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """As usual, but a buffer is never larger than the rest of the file. MemoryError above LARGEST_READ."""
        if size is None or not 0 <= size <= _SMALL_READ:
            remaining = max(0, self.size - self.tell())
            size = remaining if size is None or size < 0 else min(size, remaining)
            if size > LARGEST_READ:
                raise MemoryError
        try:
            return super().read(size)
        except OSError as failure:
            self.failure = failure
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As usual, but a position far beyond the end is an error of the file, not of the disk."""
        if offset > 2**44:  # some file systems report that themselves, others seek there
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return super().seek(offset, whence)
