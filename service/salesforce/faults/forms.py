"""The forms that the meaning of an error code takes, whatever the code: what is told of it, and where."""

from collections.abc import Callable, Iterable, Mapping

from service.errors import FieldViolation, SluicegateError
from service.salesforce.faults import words
from service.salesforce.faults.fault import Fault
from service.salesforce.faults.problems import Problem

Facts = Mapping[str, str]
"""What is known of the request and of its failure, which becomes the error's metadata."""

Meaning = Callable[[Fault, Facts], SluicegateError]
"""Returns the error that a fault means."""

_SOME_FIELD = "a field"


def of_fields(kind: type[SluicegateError], problem: Problem) -> Meaning:
    """Return the meaning of a code that is about values, whose text is not passed on because it repeats them."""

    def build(fault: Fault, facts: Facts) -> SluicegateError:
        names = words.named(fault)
        message = problem(names[0] if names else _SOME_FIELD, fault)
        return kind(message, metadata=with_fields(names, facts), violations=violations_of(names, facts, problem, fault))

    return build


def in_words(
    kind: type[SluicegateError], problem: Problem | None = None, *, retry_after_seconds: float | None = None
) -> Meaning:
    """Return the meaning of a code that says less than its text."""

    def build(fault: Fault, facts: Facts) -> SluicegateError:
        message = words.told(fault) or f"Salesforce refused with {words.line(fault.code) or 'no reason'}"
        names = words.named(fault)
        return kind(
            message,
            metadata=with_fields(names, facts),
            violations=violations_of(names, facts, problem or (lambda _name, _fault: message), fault),
            retry_after_seconds=retry_after_seconds,
        )

    return build


def plainly(
    kind: type[SluicegateError], message: str, *, field: str = "", retry_after_seconds: float | None = None
) -> Meaning:
    """Return the meaning of a code that says all there is to say."""

    def build(_fault: Fault, facts: Facts) -> SluicegateError:
        violations = [FieldViolation(field, message)] if field else []
        return kind(message, metadata=facts, violations=violations, retry_after_seconds=retry_after_seconds)

    return build


def violations_of(names: Iterable[str], facts: Facts, problem: Problem, fault: Fault) -> list[FieldViolation]:
    """Return what is wrong with each of some fields, under the paths that requests have for them."""
    return [FieldViolation(path_of(name, facts), problem(name, fault)) for name in names]


def path_of(name: str, facts: Facts) -> str:
    """Return where the request has a field that Salesforce names."""
    folded = name.lower()
    if folded == "id" and facts.get("id"):
        return "record.id"
    return "external_id.value" if folded == facts.get("external_id_field", "").lower() else f"fields.{name}"


def with_fields(names: Iterable[str], facts: Facts) -> Facts:
    """Return the facts with the fields at fault, where there are any."""
    listed = ",".join(names)
    return {**facts, "fields": listed} if listed else facts
