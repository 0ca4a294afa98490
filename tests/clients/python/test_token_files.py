"""Where tokens are kept."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sluicegate import TokenFile
from sluicegate.token_files import Keeping

ON_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")


def test_a_token_is_kept(tmp_path: Path):
    """What was stored last is read, also by the next one who opens the file; nothing else is left."""
    path = tmp_path / "token"
    with TokenFile(path) as file:
        assert file.read() == ""
        file.store("a")
        file.store("b")
    with TokenFile(path) as file:
        again = file.read()

    assert "b" == again
    assert [path] == list(tmp_path.iterdir())


@ON_WINDOWS
def test_a_token_has_one_user(tmp_path: Path):
    """Another load is refused the file, also after a token was stored, until the first one is done with it."""
    path = tmp_path / "token"
    with TokenFile(path) as file:
        for token in ("", "a"):
            if token:
                file.store(token)
            with pytest.raises(BlockingIOError, match="is in use: another load goes on with it"):
                TokenFile(path).__enter__()

    with TokenFile(path) as file:
        assert "a" == file.read()


@ON_WINDOWS
def test_the_lock_ends_with_the_process(tmp_path: Path):
    """Whoever was killed holds no file."""
    path = tmp_path / "token"
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom sluicegate import TokenFile\n"
        "file = TokenFile(Path(sys.argv[1])).__enter__()\nfile.store('a')\nos.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)

    with TokenFile(path) as file:
        assert (-9, "a") == (killed.returncode, file.read())


@pytest.mark.parametrize("given", [{"store": print}, {"token": "t"}])
def test_a_file_and_something_else(given, tmp_path: Path):
    """A token is kept in one place."""
    with pytest.raises(ValueError, match="leave token_store and resume_token out"):
        Keeping(tmp_path / "token", given.get("store"), given.get("token", ""))


async def test_a_task_that_is_cancelled_leaves_its_file_settled(tmp_path: Path, monkeypatch):
    """A token that is being written is on the disk before the lock is given free, so that who goes on reads it."""
    path = tmp_path / "token"
    writing, may_go_on = threading.Event(), threading.Event()
    store = TokenFile.store

    def slowly(file: TokenFile, text: str) -> None:
        writing.set()
        may_go_on.wait(20)
        store(file, text)

    monkeypatch.setattr(TokenFile, "store", slowly)

    async def keep() -> None:
        with Keeping(path, None, "") as keeping:
            await keeping.store("t1")

    task = asyncio.create_task(keep())
    await asyncio.to_thread(writing.wait, 20)
    task.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert "t1" == path.read_text(encoding="utf-8")
