"""Keysets: what follows a row is asked for, each row once, whatever orders them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import soql
from service.emulator.org import Org
from service.errors import MalformedQuery, MessageTooLarge, QueryNotResumable
from service.query.batches import Batch
from service.query.cursor import read
from service.query.keyset import Keyset, keyset
from service.query.options import Options
from service.query.resume import ResumeSigner
from service.salesforce.client import SalesforceClient
from service.settings.signing_key import SigningKey
from service.soql.ast import Query
from service.soql.printer import to_soql
from tests.support.emulation import ManualClock
from tests.support.paged_org import PagedOrg
from tests.support.scale import examples
from tests.support.transport import call

SIGNER = ResumeSigner((SigningKey("k", b"k" * 32),))
ORDERS = {
    "Id": "Id",
    "Id down": "Id DESC",
    "nothing": "",
    "text": "LastName",
    "text down": "LastName DESC",
    "nulls of numbers": "AnnualRevenue",
    "nulls last": "NumberOfEmployees NULLS LAST",
    "nulls last, down": "NumberOfEmployees DESC NULLS LAST",
    "nulls first, down": "AnnualRevenue DESC",
    "checkbox": "IsUnreadByOwner",
    "checkbox down": "IsUnreadByOwner DESC, Id DESC",
    "instants": "CreatedDate DESC",
    "many": "IsUnreadByOwner DESC, NumberOfEmployees NULLS LAST, Email DESC, LastName",
    "with a tail": "NumberOfEmployees DESC, Id, LastName",
}
CONDITIONS = ["", " WHERE NumberOfEmployees > 0 OR LastName != 'b'", " WHERE NumberOfEmployees != 1 AND Company != 'x'"]


@pytest.fixture(scope="module")
def org() -> Org:
    """An org with leads that agree in much, made long before anybody reads."""
    clock = ManualClock()
    clock.passed = -3600
    org = Org(clock=clock)
    for number in range(23):
        values = {
            "LastName": ("b", "A", "a", "B", "ab", "ß", "it's")[number % 7],
            "Company": "c",
            "AnnualRevenue": (None, 1.5, 1.25, 1_000_000)[number % 4],
            "NumberOfEmployees": (None, 3, 1, None, 2)[number % 5],
            "IsUnreadByOwner": number % 3 == 0,
            "Email": (None, "x@example.com", "y@example.com")[number % 3],
        }
        org.create("Lead", values, user_id=org.admin_id)
        clock.passed += number % 2
    for number in range(11):
        company = {"Name": f"N{number}", "NumberOfEmployees": (None, 7, 8)[number % 3]}
        parent = org.create("Account", company, user_id=org.admin_id) if number % 2 else None
        values = {"LastName": "c", "Birthdate": f"1990-01-0{1 + number % 3}", "AccountId": parent}
        org.create("Contact", values, user_id=org.admin_id)
    return org


def reading(paged: PagedOrg, text: str | Query, *, clock: ManualClock | None = None, **options: Any) -> Any:
    """Read a query."""
    query = soql.parse(text) if isinstance(text, str) else text
    chosen, context = Options(**options), call(clock or ManualClock())
    client = SalesforceClient(paged, org="prod", api_version="66.0")
    start = SIGNER.open(query, chosen, context.clock.now(), org="prod")
    return read(query, chosen, client, paged.describe, context, start=start, signer=SIGNER)


def column(batch: Batch) -> list[Any]:
    """Return the first column, in which no null is."""
    return list(batch.columns[0].values)


async def ids(paged: PagedOrg, text: str, **options: Any) -> list[str]:
    """Return the first column of all rows."""
    return [value async for batch in reading(paged, text, **options) for value in column(batch)]


async def in_order(org: Org, text: str) -> list[str]:
    """Return the ids that an undisturbed reading yields, in the order that the query has for certain."""
    query = await keyset(soql.parse(text), PagedOrg(org, page_size=1).describe)
    assert isinstance(query, Keyset)
    return [str(row["Id"]) for row in org.query(to_soql(query.query)).rows]


@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
@given(
    page_size=st.integers(1, 9),
    batch_size=st.integers(1, 5),
    lost=st.sets(st.integers(0, 20)),
    condition=st.sampled_from(CONDITIONS),
    select=st.sampled_from(["Id", "Id, LastName", "Id, CreatedDate, NumberOfEmployees, Email"]),
)
@settings(max_examples=examples(25), deadline=None)
async def test_each_row_comes_once_whatever_is_given_up(org, order, page_size, batch_size, lost, condition, select):
    """Wherever the org gives a result up, the rows are those of an undisturbed reading, in its order."""
    text = f"SELECT {select} FROM Lead{condition}" + (f" ORDER BY {order}" if order else "")
    # Restarts after which no row comes are bounded, and a page that is lost for ever brings none.
    scattered = {page for page in lost if page - 1 not in lost}

    found = await ids(PagedOrg(org, page_size=page_size, lost=scattered), text, batch_size=batch_size)

    assert await in_order(org, text) == found


@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
async def test_each_token_goes_on_behind_its_row(org, order):
    """Whatever batch arrived last, the rest comes in another call, even when the org gave the result up."""
    text = "SELECT Id FROM Lead" + (f" ORDER BY {order}" if order else "")
    paged = PagedOrg(org, page_size=5)
    batches = [batch async for batch in reading(paged, text, batch_size=2)]
    expected = await in_order(org, text)

    for batch in batches:
        paged.forget()
        rest = await ids(paged, text, batch_size=2, resume_token=batch.resume)

        assert expected[batch.first_row + batch.row_count :] == rest


@pytest.mark.parametrize("order", ["Account.NumberOfEmployees", "Account.NumberOfEmployees DESC NULLS LAST"])
async def test_parents_may_order_rows(org, order):
    """A record without the parent stands where one stands whose parent has no value."""
    text = f"SELECT Id FROM Contact ORDER BY {order}, Birthdate DESC"

    found = await ids(PagedOrg(org, page_size=2, lost={0, 2, 4}), text)

    assert await in_order(org, text) == found


async def test_what_orders_the_rows_stays_hidden(org):
    """Id and whatever else is read for the order is no column of the caller's."""
    batches = [batch async for batch in reading(PagedOrg(org, page_size=4), "SELECT Company FROM Lead ORDER BY Email")]

    assert [["Company"]] * len(batches) == [[each.column.name for each in batch.columns] for batch in batches]


async def test_a_limit_counts_over_restarts(org):
    """What follows a row has room for as many rows fewer."""
    paged = PagedOrg(org, page_size=3, lost={1})

    found = await ids(paged, "SELECT Id FROM Lead LIMIT 11")

    assert (await in_order(org, "SELECT Id FROM Lead"))[:11] == found
    assert ["LIMIT 11", "LIMIT 5"] == [text[text.index("LIMIT") :] for text in paged.queries]


async def test_a_condition_keeps_its_meaning(org):
    """The condition of a restart binds as a whole, whatever the query's own is made of."""
    paged = PagedOrg(org, page_size=20, lost={0})

    await ids(paged, "SELECT Id FROM Lead WHERE LastName = 'a' OR LastName != 'a' ORDER BY Id DESC")

    assert paged.queries[1].partition(" WHERE ")[2].startswith("(LastName = 'a' OR LastName != 'a') AND Id < '")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT COUNT(Id) n, LastName FROM Lead GROUP BY LastName", "folds rows"),
        ("SELECT Id FROM Lead OFFSET 1", "OFFSET"),
        ("SELECT Id, toLabel(Status) FROM Lead", "selects a function"),
        ("SELECT Id FROM Lead ORDER BY Status", "of type picklist"),
        ("SELECT Id FROM Lead ORDER BY Owner.Name", "several sObjects"),
        ("SELECT Id FROM Lead ORDER BY LastName LIMIT 5", "its LIMIT hides"),
    ],
)
async def test_what_cannot_be_restarted_says_why(org, text, why):
    """The rest of a result that is gone is neither guessed nor left out: the call fails, with rows and cause."""
    batches = reading(PagedOrg(org, page_size=2, lost={0}), text)
    await anext(batches)

    with pytest.raises(QueryNotResumable, match=why) as raised:
        await anext(batches)

    assert {"org": "prod", "rows": "2", "cause": "INVALID_QUERY_LOCATOR"} == raised.value.metadata


@pytest.mark.parametrize(("later", "comes"), [(0, True), (899, True), (901, False)])
async def test_today_is_the_day_on_which_a_query_began(org, later, comes):
    """A query that names days by today is not restarted when that may be another day, somewhere on earth."""
    clock = ManualClock()
    paged = PagedOrg(org, page_size=20, lost={0})
    batches = reading(paged, "SELECT Id FROM Lead WHERE CreatedDate <= TODAY", clock=clock)
    await anext(batches)
    clock.passed = later

    if comes:
        assert 3 == (await anext(batches)).row_count
    else:
        with pytest.raises(QueryNotResumable, match="today"):
            await anext(batches)


async def test_text_that_is_compared_otherwise_than_sorted_is_found_out(org):
    """If not as many rows follow as were left, the rest would be other rows: none of them comes."""
    paged = PagedOrg(org, page_size=20, lost={0})
    batches = reading(paged, "SELECT Id FROM Lead ORDER BY LastName")
    await anext(batches)
    paged.miscounts = 1

    with pytest.raises(QueryNotResumable, match="not as many rows follow"):
        await anext(batches)


async def test_a_result_that_is_given_up_at_once_ends_the_call(org):
    """An org that gives each result up before its second page can be read is not asked for ever."""
    paged = PagedOrg(org, page_size=1, lost=range(1000))
    batches = reading(paged, "SELECT Id FROM Lead")

    # Each restart brings a row, so all of them come.
    assert 23 == sum([batch.row_count async for batch in batches])


async def test_a_query_that_is_refused_in_its_order_is_read_as_it_is(org):
    """An sObject that cannot be sorted by Id is read nevertheless; its tokens go on, but it is never restarted."""
    paged = PagedOrg(org, page_size=20)
    paged.refuses = "ORDER BY"
    batches = [batch async for batch in reading(paged, "SELECT LastName FROM Lead")]

    rest = [
        value
        async for batch in reading(paged, "SELECT LastName FROM Lead", resume_token=batches[0].resume)
        for value in column(batch)
    ]

    assert column(batches[1]) == rest
    assert "SELECT LastName FROM Lead" == paged.queries[-1]


async def test_a_fault_of_the_callers_is_told_of_the_callers_query(org):
    """What Salesforce refuses is said of the query without what was added to it."""
    paged = PagedOrg(org, page_size=20)

    with pytest.raises(MalformedQuery, match=r"(?i)nope"):
        await ids(paged, "SELECT Id FROM Lead WHERE Nope = 1")

    assert "ORDER BY" not in paged.queries[-1]


async def test_one_row_is_not_sorted(org):
    """There is nothing behind a single row, so that the org is spared the sorting."""
    paged = PagedOrg(org, page_size=20)

    await ids(paged, "SELECT LastName FROM Lead LIMIT 1")

    assert ["SELECT LastName FROM Lead LIMIT 1"] == paged.queries


async def test_a_long_query_travels_in_a_composite_call(org):
    """A query too long for a URL is read, restarted and resumed like any other."""
    paged = PagedOrg(org, page_size=4, lost={1})
    names = ", ".join(f"'name {number:06}'" for number in range(1500))

    found = await ids(paged, f"SELECT Id FROM Lead WHERE LastName NOT IN ({names})")

    assert await in_order(org, "SELECT Id FROM Lead") == found
    assert 2 == paged.composites


async def test_a_query_longer_than_any_is_refused(org):
    """What no call to Salesforce can hold is refused with the remedy, and costs none."""
    paged = PagedOrg(org, page_size=4)
    query = soql.bind(
        soql.parse("SELECT Id FROM Lead WHERE LastName IN :names"), {"names": ["'" * 40 for _ in range(1500)]}
    )

    with pytest.raises(MessageTooLarge, match="shorter lists"):
        await anext(reading(paged, query))

    assert [] == paged.queries


@pytest.mark.parametrize(
    ("order", "field", "comes"),
    [
        ("", "LastName", True),
        ("CreatedDate", "LastName", True),
        ("NumberOfEmployees", "NumberOfEmployees", False),
        ("NumberOfEmployees", "Company", False),
        ("LastModifiedDate", "Company", False),
    ],
)
async def test_rows_that_may_have_moved_end_the_reading(order, field, comes):
    """A row that was sent and is changed could stand behind the last one now, and come again: it is not let."""
    clock = ManualClock()
    org = Org(clock=clock)
    for number in range(6):
        values = {"LastName": "x", "Company": "c", "NumberOfEmployees": number}
        org.create("Lead", values, user_id=org.admin_id)
    clock.passed = 100
    text = "SELECT Id FROM Lead" + (f" ORDER BY {order}" if order else "")
    batches = reading(PagedOrg(org, page_size=2, lost={0, 1}), text, clock=clock)
    first = column(await anext(batches))
    clock.passed = 200
    value = 9 if field == "NumberOfEmployees" else "y"
    org.update("Lead", first[0], {field: value}, user_id=org.admin_id)
    org.create("Lead", {"LastName": "x", "Company": "c", "NumberOfEmployees": 5}, user_id=org.admin_id)

    if not comes:
        with pytest.raises(QueryNotResumable, match="may have moved"):
            await anext(batches)
        return
    found = first + [value async for batch in batches for value in column(batch)]

    assert 7 == len(found) == len({*found})


@pytest.mark.parametrize("ahead", [-300, 0, 300])
async def test_changes_are_dated_by_salesforces_clock(ahead):
    """Whatever the time is where the service runs, a row that is changed in the second of the query is found out."""
    theirs, ours = ManualClock(), ManualClock()
    org = Org(clock=theirs)
    theirs.passed = -3600
    for number in range(6):
        values = {"LastName": "x", "Company": "c", "NumberOfEmployees": number}
        org.create("Lead", values, user_id=org.admin_id)
    theirs.passed, ours.passed = 1000, 1000 + ahead
    paged = PagedOrg(org, page_size=2, lost={1}, clock=theirs)
    batches = reading(paged, "SELECT Id FROM Lead ORDER BY NumberOfEmployees", clock=ours)
    first = column(await anext(batches))
    second = column(await anext(batches))
    org.update("Lead", first[0], {"NumberOfEmployees": 9}, user_id=org.admin_id)

    with pytest.raises(QueryNotResumable, match="may have moved"):
        await anext(batches)

    assert 4 == len({*first, *second})


async def test_an_order_of_many_fields_is_left_as_it_is(org):
    """What follows a row would be a condition that is longer than any query."""
    paged = PagedOrg(org, page_size=4)
    order = ", ".join(f"Name {'ASC' if number % 2 else 'DESC'}" for number in range(17))

    found = await keyset(soql.parse(f"SELECT Id FROM Lead ORDER BY {order}"), paged.describe)

    assert "it is ordered by more than 16 fields" == found
