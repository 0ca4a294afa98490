"""What an org is made of beyond Salesforce's standard objects, read from the files its developers keep."""

from service.emulator.definition.load import load_definition
from service.emulator.definition.model import Definition, DefinitionError

__all__ = ["Definition", "DefinitionError", "load_definition"]
