"""SOQL as data: parse text into a tree, bind parameters, see what it reads, print it again. Pure: no I/O, no org."""

from service.soql.ast import Query
from service.soql.binding import Value, bind
from service.soql.parse import parse, prepare
from service.soql.printer import to_soql

__all__ = ["Query", "Value", "bind", "parse", "prepare", "to_soql"]
