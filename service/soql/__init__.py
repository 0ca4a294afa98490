"""SOQL as data: parse text into a tree, bind parameters, see what it reads, print it again. Pure: no I/O, no org."""

from service.soql.ast import MAX_LENGTH, Position, Query
from service.soql.binding import Value, bind, parameters
from service.soql.parse import parse, prepare
from service.soql.printer import to_soql
from service.soql.reads import FieldUse, fields, objects
from service.soql.strings import escape_like

__all__ = [
    "MAX_LENGTH",
    "FieldUse",
    "Position",
    "Query",
    "Value",
    "bind",
    "escape_like",
    "fields",
    "objects",
    "parameters",
    "parse",
    "prepare",
    "to_soql",
]
