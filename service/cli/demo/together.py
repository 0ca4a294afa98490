"""Several records in one call: each on its own, and all or none."""

from collections.abc import Sequence

from sluicegate import Create, Node, NodeId, RecordError, SavedRecord, SluicegateError, Upsert

from service.cli.demo.leads import KEY, Lead
from service.cli.demo.queries import count
from service.cli.demo.stage import Stage

_MOST_ACCOUNTS = 199
"""With the bad one they fill a call to Salesforce."""
_NOT_WRITTEN = "Sluicegate demo: never written"
_ACCOUNTS = "SELECT COUNT() FROM Account WHERE Name = :name"
_CONTACTS = "SELECT COUNT() FROM Contact WHERE AccountId = :account"


async def together(stage: Stage, leads: Sequence[Lead]) -> None:
    """Upsert an account for each of the leads' companies, one of them bad, and then an account with its contact.

    Args:
        stage: The stage.
        leads: The leads whose companies become accounts.

    """
    names = list(dict.fromkeys(lead.cells["Company"] for lead in leads))[:_MOST_ACCOUNTS]
    upserts = [Upsert("Account", KEY, f"A-{index:03}", {"Name": name}) for index, name in enumerate(names, 1)]
    bad = len(upserts) // 2
    upserts.insert(bad, Upsert("Account", KEY, "A-BAD", {"Phone": "+49 30 1"}))
    async with stage.step("Together", f"Upsert {len(upserts)} accounts in one call, and a contact with its account"):
        results = await stage.client.apply_records(upserts)
        family = await stage.client.compose_records(_family("Radium", "marie@radium.example"))
        refusal = await _refusal(stage, _family(_NOT_WRITTEN, "nobody@"))
    children = await count(stage, _CONTACTS, {"account": family["acc"].record_id})
    left = await count(stage, _ACCOUNTS, {"name": _NOT_WRITTEN})
    step = stage.findings.steps[-1]
    failures = {index: result for index, result in enumerate(results) if isinstance(result, RecordError)}
    step.records = sum(isinstance(result, SavedRecord) for result in results) + len(family)
    step.refused = len(failures)
    _tell(stage, failures, refusal)
    find = stage.findings
    expected = {bad: ("REQUIRED_FIELD_MISSING", ("Name",))}
    found = {index: (error.reason, error.fields) for index, error in failures.items()}
    find.check("one bad record of a call is refused alone, in its place", expected, found)
    find.check("a contact and its account are written together", 1, children)
    node = (refusal.reason, refusal.metadata.get("node")) if refusal else None
    find.check("a bad node is named", ("INVALID_FIELD_VALUE", "con"), node)
    find.check("and nothing of its graph is written", 0, left)


def _family(account: str, email: str) -> list[Node]:
    """Return a contact and the account that it belongs to; the order does not matter."""
    contact = Create("Contact", {"LastName": "Curie", "Email": email, "AccountId": NodeId("acc")})
    return [Node("con", contact), Node("acc", Create("Account", {"Name": account}))]


async def _refusal(stage: Stage, nodes: Sequence[Node]) -> SluicegateError | None:
    try:
        await stage.client.compose_records(nodes)
    except SluicegateError as error:
        return error
    return None


def _tell(stage: Stage, failures: dict[int, RecordError], refusal: SluicegateError | None) -> None:
    step = stage.findings.steps[-1]
    stage.say(f"{step.records} written, {len(failures)} refused, with {step.api_calls} API calls.")
    rows = [(str(index + 1), error.reason, error.message) for index, error in failures.items()]
    if refusal:
        rows.append(("", refusal.reason, refusal.message))
    stage.table(("operation", "reason", "message"), rows, right=("operation",))
