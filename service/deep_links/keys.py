"""The keys that sign links and claims: given in the settings, or as files of a directory that may change meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.settings.signing_key import SigningKey
from service.telemetry import logs

CURRENT = "current"
"""Name of the file that holds the id of the key that signs."""
RELOAD_SECONDS = 5.0
"""How old what is known of a directory may be."""

_LARGEST_BYTES = 4096

_log = logs.get_logger(__name__)


class KeyRing(Protocol):
    """Keys by id, one of which signs."""

    def signing(self) -> SigningKey:
        """Return the key that signs."""
        ...

    def find(self, key_id: str) -> SigningKey | None:
        """Return the key of that id; None if there is none."""
        ...


class FixedKeys:
    """Keys that never change.

    Args:
        keys: The first signs; all verify.

    Raises:
        ValueError: There is none, or two have one id.

    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise ValueError("keys must hold at least one key")
        self._keys = {key.id: key for key in keys}
        if len(self._keys) != len(keys):
            raise ValueError("keys must have different ids")
        self._first = keys[0]

    def signing(self) -> SigningKey:
        """Return the first key."""
        return self._first

    def find(self, key_id: str) -> SigningKey | None:
        """Return the key of that id; None if there is none."""
        return self._keys.get(key_id)


@dataclass(frozen=True, slots=True)
class _State:
    """What tells whether files have changed: the name, size and time of change of each."""

    files: tuple[tuple[str, int, int], ...]


class KeyDirectory:
    """A key a file, as Kubernetes mounts a Secret: the name is the key's id, the content its secret.

    The key that the file `current` names signs; without that file, the last by name. So a new key can be known
    everywhere before any replica signs with it. What changes is taken over within seconds; what cannot be read then is
    logged, and the keys from before stay.

    Args:
        path: The directory. Files whose names begin with a dot are passed over.
        monotonic: Returns seconds that never go back.

    Raises:
        ValueError: A file is no key, or there is none; the text names it and no secret.

    """

    def __init__(self, path: Path, monotonic: Callable[[], float]) -> None:
        self._path = path
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._state, self._keys = self._load()

    def signing(self) -> SigningKey:
        """Return the key that signs now."""
        self._refresh()
        return self._keys.signing()

    def find(self, key_id: str) -> SigningKey | None:
        """Return the key of that id; None if there is none."""
        self._refresh()
        return self._keys.find(key_id)

    def _refresh(self) -> None:
        now = self._monotonic()
        if now - self._looked_at < RELOAD_SECONDS:
            return
        self._looked_at = now
        try:
            if self._look() != self._state:
                self._state, self._keys = self._load()
                _log.info("the keys of deep links were read anew", signing=self._keys.signing().id)
        except ValueError as error:
            _log.warning("the keys of deep links cannot be read; those from before stay", cause=str(error))

    def _look(self) -> _State:
        try:
            files = sorted(entry for entry in self._path.iterdir() if not entry.name.startswith("."))
            return _State(tuple((file.name, (found := file.stat()).st_size, found.st_mtime_ns) for file in files))
        except OSError as error:
            raise ValueError(f"keys_dir {self._path} cannot be read: {error.strerror}") from None

    def _load(self) -> tuple[_State, FixedKeys]:
        state = self._look()
        texts = {name: self._read(name) for name, _, _ in state.files}
        named = texts.pop(CURRENT, None)
        keys = [self._key(name, text) for name, text in texts.items()]
        if not keys:
            raise ValueError(f"keys_dir {self._path} holds no key")
        # An empty one names none: it may be on its way to name one, and the last key is unknown to some replicas.
        signing = keys[-1:] if named is None else [key for key in keys if key.id.encode() == named]
        if not signing:
            raise ValueError(f"keys_dir {self._path}: the file {CURRENT} names a key that is not there")
        return state, FixedKeys([*signing, *(key for key in keys if key is not signing[0])])

    def _read(self, name: str) -> bytes:
        try:
            with (self._path / name).open("rb") as file:
                text = file.read(_LARGEST_BYTES + 1)
        except OSError as error:
            raise ValueError(f"keys_dir {self._path}: {name} cannot be read: {error.strerror}") from None
        if len(text) > _LARGEST_BYTES:
            raise ValueError(f"keys_dir {self._path}: {name} has more than {_LARGEST_BYTES} bytes")
        return text.strip(b"\r\n")

    def _key(self, name: str, secret: bytes) -> SigningKey:
        try:
            return SigningKey(name, secret)
        except ValueError as error:
            raise ValueError(f"keys_dir {self._path}: {name!r}: {error}") from None
