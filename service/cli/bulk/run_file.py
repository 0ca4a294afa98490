"""The file that keeps a run of several loads: what they are, in which order, and what became of each."""

from pathlib import Path

import msgspec
from sluicegate import BulkLoadStep

from service.cli.bulk.kept import KeptFile, read_kept
from service.cli.bulk.sources import Source


class Counts(msgspec.Struct, frozen=True):
    """What became of the rows of a load."""

    received: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0
    not_processed: int = 0
    unknown: int = 0
    """Those of which Salesforce's results do not tell."""
    orphans: int = 0
    """Those that failed because the rows that they refer to did."""

    @property
    def unwritten(self) -> int:
        """Rows that were not written, as far as anybody knows."""
        return self.failed + self.not_processed + self.unknown

    def told(self) -> str:
        """Return them as a sentence without its end."""
        orphans = f", {self.orphans:,} of them because their parents did" if self.orphans else ""
        counts = {
            "created": self.created,
            "updated": self.updated,
            f"failed{orphans}": self.failed,
            "not processed": self.not_processed,
            "unknown": self.unknown,
        }
        parts = [f"{count:,} {what}" for what, count in counts.items() if count]
        return f"{self.received:,} rows{': ' if parts else ''}{', '.join(parts)}"


class Step(msgspec.Struct, frozen=True):
    """One load of a run."""

    plan: BulkLoadStep
    """What the service planned."""
    counts: Counts | None = None
    """Set when it is over."""


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several loads that refer to each other: everything that it takes to go on with them."""

    run_id: str
    sources: list[Source]
    """The files, in the order in which they were named."""
    steps: list[Step]
    """The loads, in the order in which they are run."""
    org: str
    target: str

    @property
    def has_written(self) -> bool:
        """Whether any load is over."""
        return any(step.counts is not None for step in self.steps)

    @property
    def is_finished(self) -> bool:
        """Whether every load is over."""
        return all(step.counts is not None for step in self.steps)


def read_run(path: Path) -> Run:
    """Return what a file says of a run.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.

    """
    return read_kept(path, Run, "tells of no run; name the file that `sluicegate bulk migrate` wrote")


class RunFile(KeptFile[Run]):
    """Keeps a run."""

    @property
    def run(self) -> Run:
        """The run."""
        return self.kept

    def begin(self) -> None:
        """Have the run on the disk when this returns.

        Raises:
            OSError: It cannot be written.

        """
        self.store(self.kept)

    def finish(self, number: int, counts: Counts) -> None:
        """Note what became of a step's rows.

        Args:
            number: Which step, from 0.
            counts: Its rows.

        Raises:
            OSError: It cannot be written.

        """
        steps = list(self.kept.steps)
        steps[number] = msgspec.structs.replace(steps[number], counts=counts)
        self.store(msgspec.structs.replace(self.kept, steps=steps))
