"""ORDER BY, LIMIT, OFFSET, and queries that fold rows."""

import pytest

from tests.unit.emulator.engine.conftest import World


def test_nulls_come_first_and_case_does_not_matter(world: World) -> None:
    """Without NULLS the nulls lead in both directions; text sorts without case."""
    for site in ("b", None, "A", "C"):
        world.add("Account", Name="x", Site=site)

    def sites(order: str) -> list[str | None]:
        return world.column(f"SELECT Site FROM Account ORDER BY Site {order}")

    assert sites("") == [None, "A", "b", "C"]
    assert sites("DESC") == [None, "C", "b", "A"]
    assert sites("ASC NULLS LAST") == ["A", "b", "C", None]
    assert sites("DESC NULLS LAST") == ["C", "b", "A", None]


def test_picklists_sort_in_the_order_of_their_definition(world: World) -> None:
    """A picklist's own order beats the alphabet; values outside it come last."""
    for rating in ("Cold", "made up", "Hot", "Warm", None):
        world.add("Account", Name="x", Rating=rating)

    assert world.column("SELECT Rating FROM Account ORDER BY Rating") == [None, "Hot", "Warm", "Cold", "made up"]
    assert world.column("SELECT Rating FROM Account ORDER BY Rating DESC LIMIT 2") == [None, "made up"]


def test_limit_and_offset_cut_the_sorted_rows(world: World) -> None:
    """LIMIT and OFFSET apply after ORDER BY, through parents too, and count in the total."""
    for name in "dacb":
        world.add("Contact", LastName=name, AccountId=world.add("Account", Name=name))

    result = world.run("SELECT LastName FROM Contact ORDER BY Account.Name DESC LIMIT 2 OFFSET 1")

    assert [row["LastName"] for row in result.rows] == ["c", "b"]
    assert result.total_size == 2
    assert world.column("SELECT LastName FROM Contact LIMIT 0") == []


def test_an_offset_beyond_2000_is_refused(world: World) -> None:
    """OFFSET reaches 2,000 rows far."""
    assert world.column("SELECT Id FROM Account OFFSET 2000") == []
    assert world.fault("SELECT Id FROM Account OFFSET 2001").error_code == "NUMBER_OUTSIDE_VALID_RANGE"


@pytest.fixture
def sales(world: World) -> World:
    for industry, revenue, name in [
        ("Banking", 10.0, "a"),
        ("Banking", 30.0, "b"),
        ("Retail", 5.0, "c"),
        (None, None, "d"),
    ]:
        world.add("Account", Name=name, Industry=industry, AnnualRevenue=revenue)
    return world


def test_groups_are_aggregate_results(sales: World) -> None:
    """Each group is an AggregateResult; unaliased functions are numbered among themselves."""
    result = sales.run(
        "SELECT Industry, COUNT(Id), SUM(AnnualRevenue) total, MAX(Name) FROM Account "
        "GROUP BY Industry ORDER BY Industry"
    )

    head = {"attributes": {"type": "AggregateResult"}}
    assert [
        head | {"Industry": None, "expr0": 1, "total": None, "expr1": "d"},
        head | {"Industry": "Banking", "expr0": 2, "total": 40.0, "expr1": "b"},
        head | {"Industry": "Retail", "expr0": 1, "total": 5.0, "expr1": "c"},
    ] == list(result.rows)
    assert result.total_size == 3
    assert result.header == ("Industry", "expr0", "total", "expr1")


def test_having_and_order_take_functions_and_aliases(sales: World) -> None:
    """HAVING filters groups; ORDER BY sorts by a function or by an alias."""
    head = "SELECT Industry, COUNT(Id) c FROM Account GROUP BY Industry"

    assert sales.column(f"{head} HAVING COUNT(Id) > 1") == ["Banking"]
    assert sales.column(f"{head} ORDER BY COUNT(Id) DESC LIMIT 1") == ["Banking"]
    assert sales.column(f"{head} ORDER BY c DESC LIMIT 1") == ["Banking"]


def test_functions_without_groups_fold_everything(sales: World) -> None:
    """Aggregates alone give one row; COUNT of a field and COUNT_DISTINCT leave nulls out."""
    rows = sales.rows(
        "SELECT COUNT(Industry), COUNT_DISTINCT(Industry), AVG(AnnualRevenue), MIN(AnnualRevenue) FROM Account"
    )

    assert rows == [{"expr0": 3, "expr1": 2, "expr2": 15.0, "expr3": 5.0}]


def test_rollup_adds_subtotals_from_the_right(world: World) -> None:
    """ROLLUP sums up each prefix of its fields behind its groups, and GROUPING tells a subtotal from a null."""
    for industry, rating in [("Banking", "Hot"), ("Banking", "Cold"), ("Retail", None)]:
        world.add("Account", Name="x", Industry=industry, Rating=rating)

    rows = world.rows(
        "SELECT Industry, Rating, GROUPING(Industry) i, GROUPING(Rating) r, COUNT(Id) n FROM Account "
        "GROUP BY ROLLUP(Industry, Rating)"
    )

    assert [
        ("Banking", "Cold", 0, 0, 1),
        ("Banking", "Hot", 0, 0, 1),
        ("Banking", None, 0, 1, 2),
        ("Retail", None, 0, 0, 1),
        ("Retail", None, 0, 1, 1),
        (None, None, 1, 1, 3),
    ] == [tuple(row.values()) for row in rows]


def test_cube_adds_every_subtotal(sales: World) -> None:
    """CUBE sums up every subset of its fields; ORDER BY sorts groups and subtotals together."""
    rows = sales.rows(
        "SELECT Industry, Name, SUM(AnnualRevenue) total FROM Account WHERE Industry = 'Banking' "
        "GROUP BY CUBE(Industry, Name) ORDER BY GROUPING(Name), GROUPING(Industry), Name DESC LIMIT 5"
    )

    assert [
        ("Banking", "b", 30.0),
        ("Banking", "a", 10.0),
        (None, "b", 30.0),
        (None, "a", 10.0),
        ("Banking", None, 40.0),
    ] == [tuple(row.values()) for row in rows]
    assert sales.rows("SELECT Name FROM Account WHERE Name = 'none' GROUP BY ROLLUP(Name)") == []


def test_having_chooses_among_subtotals(sales: World) -> None:
    """HAVING can ask by GROUPING for the subtotals alone."""
    head = "SELECT Industry, SUM(AnnualRevenue) total FROM Account GROUP BY ROLLUP(Industry)"

    assert sales.rows(f"{head} HAVING GROUPING(Industry) = 1") == [{"Industry": None, "total": 45.0}]
    assert len(sales.rows(f"{head} HAVING GROUPING(Industry) = 0 AND SUM(AnnualRevenue) > 1")) == 2


def test_folds_can_be_formatted(sales: World) -> None:
    """FORMAT of an aggregate is an aggregate."""
    rows = sales.rows("SELECT FORMAT(SUM(AnnualRevenue)) total, FORMAT(COUNT(Id)) FROM Account")

    assert rows == [{"total": "$45", "expr0": "4"}]


def test_grouping_by_a_parents_field_keys_it_by_its_own_name(world: World) -> None:
    """A grouped path appears under its last name."""
    account = world.add("Account", Name="Acme")
    world.add("Contact", LastName="a", AccountId=account)
    world.add("Contact", LastName="b", AccountId=account)

    rows = world.rows("SELECT Account.Name, COUNT(Id) n FROM Contact GROUP BY Account.Name")

    assert rows == [{"Name": "Acme", "n": 2}]


def test_labels_group_like_the_values_behind_them(world: World) -> None:
    """Labels come from toLabel, in groups and in plain records."""
    world.add("User", Name="x", UserType="PowerPartner")

    assert world.column("SELECT toLabel(UserType) FROM User") == ["Partner"]
    assert world.rows("SELECT toLabel(UserType), COUNT(Id) n FROM User GROUP BY toLabel(UserType)") == [
        {"expr0": "Partner", "n": 1}
    ]


def test_grouping_by_date_functions(world: World) -> None:
    """A date function groups and is selected under an alias."""
    for day in ("2025-01-31", "2026-02-01", "2026-05-05"):
        world.add("Opportunity", Name="x", CloseDate=day)

    rows = world.rows(
        "SELECT CALENDAR_YEAR(CloseDate) y, COUNT(Id) n FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)"
    )

    assert rows == [{"y": 2025, "n": 1}, {"y": 2026, "n": 2}]


@pytest.mark.parametrize(
    ("soql", "words"),
    [
        ("SELECT Name, COUNT(Id) FROM Account", "Field must be grouped or aggregated: Name"),
        ("SELECT SUM(Name) FROM Account", "field Name does not support aggregate operator SUM"),
        ("SELECT COUNT(Id) a, MAX(Name) a FROM Account", "duplicate alias: a"),
        ("SELECT Id FROM Account WHERE COUNT(Id) > 1", "not allowed here"),
        ("SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(Name, Site, Phone, Fax)", "at most 3 fields"),
        ("SELECT COUNT(Id) FROM Account ORDER BY Name", "Ordered field must be grouped or aggregated: Name"),
        ("SELECT GROUPING(Name) FROM Account GROUP BY Name", "GROUPING takes a field of GROUP BY ROLLUP"),
        ("SELECT Description, COUNT(Id) FROM Account GROUP BY Description", "can not be grouped"),
    ],
)
def test_bad_folds_are_refused(world: World, soql: str, words: str) -> None:
    """What cannot be folded is a malformed query that says why."""
    fault = world.fault(soql)

    assert fault.error_code == "MALFORMED_QUERY"
    assert words in fault.message


def test_more_than_2000_groups_are_refused(world: World) -> None:
    """Grouped results have no second page."""
    with world.store.savepoint():
        for number in range(2_001):
            world.add("Account", Name=str(number))

    assert world.fault("SELECT Name FROM Account GROUP BY Name").error_code == "EXCEEDED_ID_LIMIT"
    assert world.run("SELECT Name FROM Account GROUP BY Name LIMIT 2000").total_size == 2_000
