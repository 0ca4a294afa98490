"""The word for what an org is made of, and for a file that does not say it well."""

from dataclasses import dataclass
from pathlib import Path

from service.emulator.record_types import RecordType
from service.emulator.schema import Schema
from service.emulator.validation import ValidationRule


class DefinitionError(ValueError):
    """A file that cannot be understood.

    Args:
        path: The file.
        text: What is wrong, with the element at fault.

    """

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{path}: {text}")


@dataclass(frozen=True, slots=True)
class Definition:
    """What an org is made of."""

    schema: Schema
    record_types: tuple[RecordType, ...] = ()
    validation_rules: tuple[ValidationRule, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the files say and the emulator does not do, one sentence for each."""
