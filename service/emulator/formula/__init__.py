"""A subset of Salesforce's formula language, enough for most validation rules."""

from service.emulator.formula.candidate import Candidate, Predicate
from service.emulator.formula.parser import FormulaError, compile_formula

__all__ = ["Candidate", "FormulaError", "Predicate", "compile_formula"]
