"""What an org knows of its sObjects: definitions, and the describe answers made from them."""

from service.emulator.schema.model import ChildRelationship, Field, FieldType, PicklistValue, Schema, SObject

__all__ = ["ChildRelationship", "Field", "FieldType", "PicklistValue", "SObject", "Schema"]
