"""Where rows go."""

import sys
from pathlib import Path

import pytest

from service.cli.query.places import Place, Progress, read_progress, write_progress

FULL = Path("/dev/full")
PROGRESS = Progress("token", 12, "csv")


@pytest.fixture
def path(tmp_path):
    """A file with an earlier result."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"an earlier result")
    return path


def test_nothing_written_leaves_a_file_alone(path):
    """A query that is refused costs nobody an earlier result, and leaves no empty file."""
    Place(path).leave()
    Place(path.with_name("new")).leave()

    assert b"an earlier result" == path.read_bytes()
    assert not path.with_name("new").exists()


def test_a_file_holds_what_was_written(path):
    """What stood there before is gone, also where nothing is written in its place."""
    place = Place(path)
    place.write(b"new")
    place.close()
    written = path.read_bytes()
    Place(path).close()

    assert b"new" == written
    assert b"" == path.read_bytes()
    assert 3 == place.size


def test_a_file_goes_on_behind_its_rows(path):
    """What stands behind the rows of the run before is written over."""
    place = Place(path, 10)
    place.write(b"new")
    place.close()

    assert b"an earliernew" == path.read_bytes()


def test_a_file_that_lost_rows_is_refused(path):
    """A file that is shorter than the rows it should hold is not gone on with."""
    with pytest.raises(ValueError, match="begin anew"):
        Place(path, 18)

    assert b"an earlier result" == path.read_bytes()


def test_half_a_row_is_taken_back(path):
    """A file ends where its rows do."""
    place = Place(path)
    place.write(b"whole\nhal")
    place.cut(6)
    place.leave()

    assert b"whole\n" == path.read_bytes()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_known_at_once():
    """No buffer keeps a failure until the end."""
    place = Place(FULL)

    with pytest.raises(OSError, match="No space left"):
        place.write(b"row")
    place.leave()


def test_a_closed_output_is_an_error(monkeypatch):
    """Without a standard output nothing is written to whatever file has its number."""
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(OSError, match="is closed"):
        Place(None)


def test_progress_comes_back(path):
    """What was kept is read again; where nothing was kept the query begins."""
    kept = path.with_name("kept")
    before = read_progress(kept, "csv")
    write_progress(kept, PROGRESS)

    assert before is None
    assert PROGRESS == read_progress(kept, "csv")


def test_progress_of_another_kind_is_refused(path):
    """A file of something else, and rows in another form, are named."""
    write_progress(path.with_name("kept"), PROGRESS)

    with pytest.raises(ValueError, match="name a file that does not exist"):
        read_progress(path, "csv")
    with pytest.raises(ValueError, match="with -o csv, which goes on in no other form"):
        read_progress(path.with_name("kept"), "jsonl")


def test_progress_that_cannot_be_kept_leaves_the_last(path, monkeypatch):
    """Half a file is never found, and no draft is left."""
    kept = path.with_name("kept")
    write_progress(kept, PROGRESS)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))

    with pytest.raises(OSError, match="No space left"):
        write_progress(kept, Progress("later", 99, "csv"))

    assert PROGRESS == read_progress(kept, "csv")
    assert {"kept", "rows.csv"} == {found.name for found in path.parent.iterdir()}
