"""The file beside the data that keeps what a load is, and how far it is."""

from pathlib import Path

import msgspec
from sluicegate import BulkOptions

from service.cli.bulk.kept import KeptFile, read_kept

STANDARD_INPUT = "-"
"""What stands for the standard input where a path would."""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A load: everything that it takes to go on with it."""

    data: str
    """Path of the data; `-` for the standard input, which has to be given anew to go on."""
    object: str
    operation: str
    external_id: str
    format: str
    """`csv` or `json_lines`."""
    options: BulkOptions
    failures: str
    """Path of the results."""
    org: str
    target: str
    resume_token: str = ""
    is_finished: bool = False
    results: str = "failures"
    """The rows that have results: `failures`, `all` or `none`."""
    run: str = ""
    """Names the step of a run of several files that the load is; empty for a load of its own."""


def read_note(path: Path) -> Note:
    """Return what a file says of a load.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.

    """
    return read_kept(path, Note, "does not tell of a load; name the file that `sluicegate bulk load` wrote")


class NoteFile(KeptFile[Note]):
    """Keeps a load's note."""

    @property
    def note(self) -> Note:
        """The note."""
        return self.kept

    def keep(self, token: str) -> None:
        """Have a token on the disk when this returns.

        Raises:
            OSError: It cannot be written.

        """
        self.store(msgspec.structs.replace(self.kept, resume_token=token))

    def finish(self) -> None:
        """Note that nothing is left to do. The token still tells what became of the rows."""
        self.store(msgspec.structs.replace(self.kept, is_finished=True))
