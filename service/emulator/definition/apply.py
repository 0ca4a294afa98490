"""Giving an org the parts of its definition that are not its schema."""

from service.emulator.definition.model import Definition
from service.emulator.org import Org


def apply_definition(definition: Definition, org: Org) -> None:
    """Add record types and validation rules; record types the org has already stay as they are.

    Args:
        definition: Its schema is the org's.
        org: The org.

    Raises:
        ValueError: A record type or rule does not fit the schema.

    """
    for record_type in definition.record_types:
        org.add_record_type(record_type)
    for rule in definition.validation_rules:
        org.validation_rules.add(rule)
