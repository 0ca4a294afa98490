"""Keys of links: fixed ones, and those in a directory that changes."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.deep_links.keys import RELOAD_SECONDS, FixedKeys, KeyDirectory
from service.settings.signing_key import SigningKey
from tests.support.clock import FakeClock


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with two keys."""
    (tmp_path / "2026a").write_text("a" * 32 + "\n")
    (tmp_path / "2026b").write_text("b" * 32)
    (tmp_path / "..data").mkdir()
    return tmp_path


def test_fixed_keys():
    """The first signs; each is found by its id."""
    first, second = SigningKey("1", b"x" * 32), SigningKey("2", b"y" * 32)

    keys = FixedKeys((first, second))

    assert (first, second, None) == (keys.signing(), keys.find("2"), keys.find("3"))


@pytest.mark.parametrize("ids", [(), ("1", "1")])
def test_fixed_keys_that_cannot_be_used(ids):
    """There is at least one, and no two have one id."""
    with pytest.raises(ValueError, match="keys must"):
        FixedKeys([SigningKey(key_id, b"x" * 32) for key_id in ids])


def test_the_last_key_signs_and_all_verify(directory):
    """File names are ids; the line's end is no part of a secret."""
    keys = KeyDirectory(directory, FakeClock().monotonic)

    assert SigningKey("2026b", b"b" * 32) == keys.signing()
    assert SigningKey("2026a", b"a" * 32) == keys.find("2026a")


def test_a_new_key_is_known_before_it_signs(directory):
    """While `current` names the key of before, the new one verifies only; then it signs."""
    clock = FakeClock()
    (directory / "current").write_text("2026a\n")
    keys = KeyDirectory(directory, clock.monotonic)
    before = keys.signing().id, keys.find("2026b") is not None

    (directory / "current").write_text("2026b")
    at_once = keys.signing().id
    clock.advance(RELOAD_SECONDS)

    assert (("2026a", True), "2026a", "2026b") == (before, at_once, keys.signing().id)
    assert keys.find("current") is None


def test_a_file_that_is_being_written_changes_no_key(directory):
    """Where `current` is emptied before it is written, the last key, which some do not know yet, signs nothing."""
    clock = FakeClock()
    (directory / "current").write_text("2026a")
    keys = KeyDirectory(directory, clock.monotonic)

    (directory / "current").write_text("")
    clock.advance(RELOAD_SECONDS)

    assert "2026a" == keys.signing().id


def test_what_has_not_changed_is_not_read_anew(directory):
    """Looking costs little; secrets are read, and the log has a line, only when something is another."""
    clock = FakeClock()
    keys = KeyDirectory(directory, clock.monotonic)

    with capture_logs() as before:
        clock.advance(RELOAD_SECONDS)
        keys.signing()
    (directory / "2026c").write_text("c" * 32)
    with capture_logs() as after:
        clock.advance(RELOAD_SECONDS)
        keys.signing()

    assert ([], ["2026c"]) == (before, [line["signing"] for line in after])


def test_a_key_that_is_gone_verifies_no_more(directory):
    """Keys are taken over as they are, also those that are no longer there."""
    clock = FakeClock()
    keys = KeyDirectory(directory, clock.monotonic)

    (directory / "2026a").unlink()
    clock.advance(RELOAD_SECONDS)

    assert keys.find("2026a") is None


@pytest.mark.parametrize("break_it", ["short", "gone", "current", "all", "large"])
def test_what_cannot_be_read_leaves_the_keys_of_before(directory, break_it):
    """A directory that breaks while the service runs stops nothing."""
    clock = FakeClock()
    keys = KeyDirectory(directory, clock.monotonic)

    match break_it:
        case "short":
            (directory / "2026c").write_text("short")
        case "gone":
            directory.rename(directory.with_name("elsewhere"))
        case "current":
            (directory / "current").write_text("2027")
        case "large":
            (directory / "2026c").write_text("x" * 5000)
        case _:
            for name in ("2026a", "2026b"):
                (directory / name).unlink()
    clock.advance(RELOAD_SECONDS)

    assert "2026b" == keys.signing().id
    assert keys.find("2026a") is not None


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("2026c", "short", "'2026c': .*at least 32 bytes"),
        ("README.md", "x" * 40, "'README.md': the id"),
        ("current", "2027", "current names a key"),
        ("current", "\n", "current names a key"),
        ("2026c", "x" * 5000, "more than 4096"),
    ],
)
def test_a_file_that_is_no_key_is_refused_at_start(directory, name, text, problem):
    """The error names the file and holds no secret."""
    (directory / name).write_text(text)

    with pytest.raises(ValueError, match=problem) as caught:
        KeyDirectory(directory, FakeClock().monotonic)

    assert "bbbb" not in str(caught.value)
    assert "xxxx" not in str(caught.value)


def test_a_directory_must_be_there(tmp_path):
    """The error names it; an empty one is told apart."""
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        KeyDirectory(tmp_path / "keys", FakeClock().monotonic)
    with pytest.raises(ValueError, match="holds no key"):
        KeyDirectory(tmp_path, FakeClock().monotonic)
