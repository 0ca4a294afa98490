"""A list of subrequests that may refer to each other, run one after the other or as one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from service.emulator.bindings import Bindings, InvalidReference
from service.emulator.exchange import Answer, OrgCall
from service.emulator.fault_answers import fault_answer
from service.emulator.faults import SalesforceFault
from service.emulator.subrequests import Subrequest, Subrequests, target_of, unknown_resource

BELOW = ("services", "data")
"""What the URL of a subrequest starts with."""

_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


@dataclass(frozen=True, slots=True)
class Node:
    """One subrequest as given, its references still in it."""

    reference_id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: object


class _RolledBack(Exception):
    """Undoes a transaction; carries the answer that failed."""

    def __init__(self, place: int, answer: Answer) -> None:
        super().__init__("rolled back")
        self.place = place
        self.answer = answer


class Composition:
    """One run over a list of subrequests.

    Args:
        subrequests: Answers each of them.
        call: The request around them.
        queries: Whether queries and collections may be among them, besides rows.

    """

    def __init__(self, subrequests: Subrequests, call: OrgCall, *, queries: bool) -> None:
        self._subrequests = subrequests
        self._call = call
        self._queries = queries

    async def one_by_one(self, nodes: Sequence[Node]) -> list[dict[str, object]]:
        """Run every subrequest whose references have values, whatever became of the others; return their results."""
        bindings = Bindings()
        answers: list[Answer] = []
        for node in nodes:
            try:
                answer = await self._subrequests.answer(self._call, self._resolved(node, bindings))
            except SalesforceFault as fault:
                answer = fault_answer(fault)
            if _went_through(answer):
                bindings.bind(node.reference_id, answer.value)
            answers.append(answer)
        return [_result(node, answer) for node, answer in zip(nodes, answers, strict=True)]

    def all_or_none(self, nodes: Sequence[Node]) -> tuple[list[dict[str, object]], bool]:
        """Run subrequests until one fails, which undoes all; return the results and whether all went through.

        A row refused by a collection fails it, whatever its own `allOrNone` says.
        """
        try:
            with self._call.tenant.org.savepoint():
                answers = self._all(nodes)
        except _RolledBack as failure:
            halted = fault_answer(processing_halted(_ROLLED_BACK))
            answers = [halted] * len(nodes)
            answers[failure.place] = failure.answer
            return [_result(node, answer) for node, answer in zip(nodes, answers, strict=True)], False
        return [_result(node, answer) for node, answer in zip(nodes, answers, strict=True)], True

    def _all(self, nodes: Sequence[Node]) -> list[Answer]:
        bindings = Bindings()
        answers: list[Answer] = []
        for node in nodes:
            answer = self._answer_at_once(node, bindings)
            if not _went_through(answer) or _refused_rows(answer):
                raise _RolledBack(len(answers), answer)
            bindings.bind(node.reference_id, answer.value)
            answers.append(answer)
        return answers

    def _answer_at_once(self, node: Node, bindings: Bindings) -> Answer:
        try:
            return self._subrequests.answer_at_once(self._call, self._resolved(node, bindings))
        except SalesforceFault as fault:
            return fault_answer(fault)

    def _resolved(self, node: Node, bindings: Bindings) -> Subrequest:
        try:
            target = target_of(bindings.text(node.url), below=BELOW)
            body = bindings.json(node.body)
        except InvalidReference as error:
            raise processing_halted(str(error)) from None
        if target.resource[:1] != ("sobjects",) and not (self._queries and target.is_collection_or_query):
            raise unknown_resource()
        return Subrequest(node.method, target, node.headers, body)


def processing_halted(text: str) -> SalesforceFault:
    """Build the answer of a subrequest that was not run or not kept.

    Args:
        text: Why. Source: Salesforce REST API, "Composite", "allOrNone".

    """
    return SalesforceFault(400, "PROCESSING_HALTED", text)


def halted_results(nodes: Sequence[Node], text: str) -> list[dict[str, object]]:
    """Return the results of subrequests none of which was run.

    Args:
        nodes: The subrequests.
        text: Why.

    """
    return [_result(node, fault_answer(processing_halted(text))) for node in nodes]


def _went_through(answer: Answer) -> bool:
    # 300, several matches, writes nothing and has no value to refer to; 304 leaves everything as it should be.
    return answer.status < HTTPStatus.MULTIPLE_CHOICES or answer.status == HTTPStatus.NOT_MODIFIED


def _refused_rows(answer: Answer) -> bool:
    rows = answer.value if isinstance(answer.value, list) else []
    return any(isinstance(row, dict) and row.get("success") is False for row in rows)


def _result(node: Node, answer: Answer) -> dict[str, object]:
    return {
        "body": None if answer.empty else answer.value,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": node.reference_id,
    }
