"""Where the token of a load is kept: in a file, safe from crashes and from a second user, or by the caller."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from inspect import isawaitable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

if sys.platform != "win32":
    import fcntl

Store: TypeAlias = Callable[[str], Awaitable[None] | None]
"""Keeps a load's token; when it returns, or what it returns is awaited, the token has to be safe from a crash."""


class TokenFile:
    """A file for the token of a load, made when it is entered and locked until it is left.

    What is stored is on the disk when `store` returns, and a crash leaves the text before or this one, never half of
    either. Two loads that went on with one token would write rows twice: hence the lock, which ends with the process
    (not on Windows, where there is none).

    Args:
        path: The file. Where there is none, an empty one is made.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            BlockingIOError: Another load has it open.
            OSError: It cannot be opened.

        """
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _lock(file, self._path)
                # Whoever had it may have put another file in its place since it was opened.
                is_current = os.path.samestat(os.fstat(file), self._path.stat())
            except FileNotFoundError:
                is_current = False
            except BaseException:
                os.close(file)
                raise
            if is_current:
                self._file = file
                return self
            os.close(file)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the file free."""
        os.close(self._file)

    def read(self) -> str:
        """Return the text that was stored last; empty if none was.

        Raises:
            OSError: It cannot be read.
            UnicodeDecodeError: It is no text.

        """
        return self._path.read_text(encoding="utf-8").strip()

    def store(self, text: str) -> None:
        """Put a text in place of the one before.

        Raises:
            OSError: It cannot be written; the one before is still there.

        """
        draft = self._path.with_name(f"{self._path.name}.new")
        file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(os.dup(file), "w", encoding="utf-8") as writing:
                writing.write(text)
            os.fsync(file)
            _lock(file, draft)
            draft.replace(self._path)
        except BaseException:
            os.close(file)
            raise
        os.close(self._file)
        self._file = file
        _settle(self._path.parent)

    def remove(self) -> None:
        """Remove the file: the load needs it no more."""
        self._path.unlink(missing_ok=True)


class Keeping:
    """What keeps the token of one load: a file, the caller, or nobody.

    Args:
        file: The file, if there is one.
        store: The caller's way, if it has one.
        token: The token to go on with, if the caller has it.

    Raises:
        ValueError: There is both a file and something of the caller's.

    """

    def __init__(self, file: PathLike[str] | None, store: Store | None, token: str) -> None:
        if file is not None and (store is not None or token):
            raise ValueError("token_file keeps the token by itself; leave token_store and resume_token out")
        self._file = None if file is None else TokenFile(Path(file))
        self._store = store
        self._token = token
        self._exits = ExitStack()

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be kept, or was."""
        return self._file is not None or self._store is not None or self._token != ""

    def __enter__(self) -> Self:
        """Open and lock the file.

        Raises:
            OSError: As `TokenFile`.

        """
        if self._file is not None:
            self._exits.enter_context(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the file free."""
        self._exits.close()

    async def read(self) -> str:
        """Return the token to go on with; empty to begin."""
        return self._token if self._file is None else await asyncio.to_thread(self._file.read)

    async def store(self, token: str) -> None:
        """Keep a token."""
        if self._file is not None:
            await _whole(self._file.store, token)
        elif self._store is not None and isawaitable(stored := self._store(token)):
            await stored

    async def finish(self) -> None:
        """Forget the token: the load is over."""
        if self._file is not None:
            await _whole(self._file.remove)


async def _whole(act: Callable[..., None], *arguments: str) -> None:
    """Do something in a thread, and cancelled wait for it: the file must not change once its lock is given free."""
    acting = asyncio.create_task(asyncio.to_thread(act, *arguments))
    try:
        await asyncio.shield(acting)
    except asyncio.CancelledError:
        await asyncio.wait([acting])
        raise


def _lock(file: int, path: Path) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"{path} is in use: another load goes on with it") from None


def _settle(folder: Path) -> None:
    """Have the folder on the disk, so that a power cut does not bring the text before back."""
    if sys.platform != "win32":
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
