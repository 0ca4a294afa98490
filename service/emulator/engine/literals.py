"""Literals of a condition made stored values, checked against the type of the field they are compared with."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_FLOOR, Context, Decimal

from service.emulator import ids
from service.emulator.decimals import DIGITS, LARGEST
from service.emulator.engine.periods import Days, Today
from service.emulator.engine.refusals import Refusals
from service.emulator.engine.scope import Stored, Term
from service.soql import ast, moments

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_IDS = frozenset({"id", "reference"})
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_NAMES = {"int": "int", "long": "long", "datetime": "dateTime"}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of stored values, from `start` up to and without `end`."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A number between two stored whole numbers that are next to each other, so that it equals none."""

    below: int
    above: int


Literal = Stored | Span | Gap
"""What a literal is among stored values."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads literals for one query.

    Args:
        refuse: Makes the faults.
        today: What date literals are relative to.

    """

    refuse: Refusals
    today: Today

    def read(self, operand: ast.Operand, term: Term) -> Literal:
        """Return the stored value of a literal, the span a date literal means, or the gap a number falls in.

        Null and empty text are None.

        Raises:
            SalesforceFault: INVALID_FIELD for a value of the wrong type, INVALID_QUERY_FILTER_OPERATOR for a bad id.

        """
        kind = term.field.type
        match operand:
            case ast.Null():
                return None
            case ast.Text(value=text) if kind in _IDS:
                return self._id(text, term.at)
            case ast.Text(value=text) if not _bare(kind):
                # Salesforce stores no empty text: comparing with '' is comparing with null.
                return text or None
            case ast.Number(value=number) | ast.Currency(value=number) if kind in _NUMBERS:
                return float(number) if term.fraction else _stored_number(number, term.places)
            case ast.Boolean(value=flag) if kind == "boolean":
                return int(flag)
            case ast.Date() | ast.DateTime() | ast.Time() | ast.Period():
                return self._moment(operand, term)
            case _:
                raise self._wrong(term)

    def _id(self, text: str, at: ast.Position) -> str | None:
        if not text:
            return None
        found = ids.normalise(text)
        if found is None:
            raise self.refuse.invalid_id(text, at)
        return found

    def _moment(self, operand: ast.Date | ast.DateTime | ast.Time | ast.Period, term: Term) -> Stored | Span:
        match term.field.type, operand:
            case "date", ast.Date(value=day):
                return day.isoformat()
            case "datetime", ast.DateTime(value=instant):
                return stored_datetime(instant)
            case "time", ast.Time(value=moment):
                return moments.write_time(moment)
            case "date", ast.Period():
                days = self.today.days(operand)
                return Span(days.start.isoformat(), days.end.isoformat())
            case "datetime", ast.Period():
                return self._instants(self.today.days(operand))
            case _:
                raise self._wrong(term)

    def _instants(self, days: Days) -> Span:
        return Span(self._begin(days.start), self._begin(days.end))

    def _begin(self, day: date) -> str:
        return stored_datetime(self.today.instant(day))

    def _wrong(self, term: Term) -> Exception:
        kind = term.field.type
        bare = _bare(kind)
        wanted = _NAMES.get(kind, "double" if kind in _NUMBERS else kind) if bare else "string"
        return self.refuse.wrong_type(term.field.name, wanted, term.at, quoted=not bare)


def _stored_number(number: Decimal, places: int) -> int | Gap:
    if number.adjusted() + places > DIGITS:
        return Gap(-LARGEST, -LARGEST) if number < 0 else Gap(LARGEST, LARGEST)
    if number.adjusted() + places < -1:
        return 0 if number == 0 else Gap(-1, 0) if number < 0 else Gap(0, 1)
    shifted = number.scaleb(places, _EXACT)
    below = int(shifted.to_integral_value(ROUND_FLOOR))
    return below if shifted == below else Gap(below, below + 1)


def stored_datetime(instant: datetime) -> str:
    """Return a UTC instant in its stored form, in which text order is time order."""
    return f"{instant.year:04d}-{instant:%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}+0000"


def _bare(kind: str) -> bool:
    return kind in _NUMBERS or kind in {"boolean", "date", "datetime", "time"}
