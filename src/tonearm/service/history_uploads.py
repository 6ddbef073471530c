"""Files uploaded for import: compared first, then imported if the listener wants that. They are stored in a temporary
folder of this process, one at a time for each listener. If an import is interrupted, uploading the same file again
continues it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

from tonearm.clock import Clock
from tonearm.history.play import HistoryFileError, ReadOptions
from tonearm.service.history_import import HistoryImport, ImportChoices, ImportResult, Undone
from tonearm.store.db.sqlite_writer import StoreUnavailable

_log = logging.getLogger(__name__)

KEPT = 3600.0
"""Seconds for which a file is stored if nobody imports it."""

MAX_UPLOADS = 20
"""Files that are stored at a time, for all listeners."""

_NOT_A_NAME = re.compile(r"[\x00-\x1f/\\]+")


class UploadState(StrEnum):
    """The state of an uploaded file. READ: it was compared with the history, and waits for the listener."""

    READING = "reading"
    READ = "read"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


class UploadBusy(Exception):
    """Another file is being uploaded, or there are too many."""


@dataclass(slots=True)
class Upload:
    """A file: `done` of `total` plays are compared or written. `results` are those of the last step that is over.

    `fault` says why it FAILED, and what to do.
    """

    id: str
    account: int
    file: Path
    options: ReadOptions
    at: float
    state: UploadState = UploadState.READING
    done: int = 0
    total: int = 0
    results: tuple[ImportResult, ...] = ()
    fault: str = ""
    chosen: Mapping[str, bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's original name."""
        return self.file.name

    @property
    def works(self) -> bool:
        """Whether it is being compared or imported."""
        return self.state in (UploadState.READING, UploadState.IMPORTING)

    def note(self, done: int, total: int) -> None:
        """Note the progress."""
        self.done, self.total = done, total


@dataclass(slots=True)
class HistoryUploads:
    """The files of this process. `figure` sums up a history that has grown, so that its figures are quick."""

    imports: HistoryImport
    clock: Clock
    figure: Callable[[int], Awaitable[None]]
    kept: dict[int, Upload] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def add(self, account: int, name: str, content: IO[bytes], options: ReadOptions) -> Upload:
        """Store a file and begin to compare it; it replaces the one before. Raises UploadBusy, OSError."""
        for other in [*self.kept.values()]:
            if not other.works and self.clock.now() - other.at > KEPT:
                await self.forget(other.account)
        if account in self.kept:
            if self.kept[account].works:
                raise UploadBusy("another file is being uploaded: wait until it is finished")
            await self.forget(account)
        if len(self.kept) >= MAX_UPLOADS:
            raise UploadBusy("too many files are being uploaded: try again later")
        file = await asyncio.to_thread(_write, name, content)
        upload = Upload(secrets.token_hex(8), account, file, options, self.clock.now())
        self.kept[account] = upload
        self._begin(upload, apply=False)
        return upload

    def of(self, account: int) -> Upload | None:
        """The file of a listener."""
        return self.kept.get(account)

    def start(
        self, account: int, upload_id: str, *, queue: bool = False, doubtful: bool = False, rules: bool = False
    ) -> Upload | None:
        """Import a file that was compared, or whose import failed; None if there is none. Raises UploadBusy."""
        upload = self.kept.get(account)
        if upload is None or upload.id != upload_id:
            return None
        if upload.works:
            raise UploadBusy("it is being read or imported")
        if upload.state is not UploadState.DONE:
            upload.state, upload.fault = UploadState.IMPORTING, ""
            upload.chosen = {"queue": queue, "doubtful": doubtful, "rules": rules}
            self._begin(upload, apply=True)
        return upload

    async def forget(self, account: int) -> None:
        """Delete the file of a listener, unless it is being imported."""
        upload = self.kept.get(account)
        if upload is not None and not upload.works:
            del self.kept[account]
            await asyncio.to_thread(shutil.rmtree, upload.file.parent, ignore_errors=True)

    async def close(self) -> None:
        """Stop, and delete all files."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for upload in self.kept.values():
            await asyncio.to_thread(shutil.rmtree, upload.file.parent, ignore_errors=True)

    def _begin(self, upload: Upload, *, apply: bool) -> None:
        upload.note(0, 0)
        task = asyncio.create_task(self._work(upload, apply), name="history upload")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _work(self, upload: Upload, apply: bool) -> None:
        run, choices = self.imports.run, ImportChoices(**upload.chosen)
        try:
            found = await run(upload.account, [upload.file], upload.options, upload.note, apply=apply, choices=choices)
        except HistoryFileError as error:
            upload.fault = str(error).replace(" --zone ", " ")
        except (StoreUnavailable, Undone) as error:
            upload.fault = f"{upload.name} couldn't be imported: {error}"
        except OSError as error:
            upload.fault = f"{upload.name} can't be read: {error.strerror}"
        except Exception:
            _log.exception("an uploaded history could not be imported")
            upload.fault = f"{upload.name} couldn't be imported: something went wrong inside tonearm; see its log"
        else:
            upload.results, upload.at = tuple(found), self.clock.now()
            upload.state = UploadState.DONE if apply else UploadState.READ
            if apply:
                with suppress(StoreUnavailable):
                    await self.figure(upload.account)
            return
        upload.state = UploadState.FAILED


def _write(name: str, content: IO[bytes]) -> Path:
    folder = Path(mkdtemp(prefix="tonearm-upload-"))
    try:
        file = folder / (_NOT_A_NAME.sub("_", name).strip(". ")[-100:] or "history")
        with file.open("wb") as target:
            shutil.copyfileobj(content, target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return file
