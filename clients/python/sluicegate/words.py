"""The contract's enum values as short lower-case words: `BULK_LOAD_STATE_OPEN` is `open`."""

import re
from collections.abc import Mapping
from functools import cache

from google.protobuf.descriptor import EnumDescriptor


def to_word(enum: EnumDescriptor, number: int) -> str:
    """Write a value as its word; the number itself when a newer service sends a value unknown here."""
    return words(enum).get(number, str(number))


def to_number(enum: EnumDescriptor, argument: str, word: str) -> int:
    """Read a word that the caller gave as `argument`.

    Raises:
        ValueError: It is none of the enum's.

    """
    for number, known in words(enum).items():
        if known == word and number != 0:
            return number
    choices = ", ".join(known for number, known in words(enum).items() if number != 0)
    raise ValueError(f"{argument} is {word!r}; it must be one of {choices}")


@cache
def words(enum: EnumDescriptor) -> Mapping[int, str]:
    """The words of an enum by number; the empty word stands for the unspecified value."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    by_number = {value.number: value.name.removeprefix(prefix).lower() for value in enum.values}
    return {**by_number, 0: ""}
