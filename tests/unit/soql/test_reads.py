"""What a query reads."""

from service.soql import parse
from service.soql.reads import fields, objects

TEXT = (
    "SELECT a.Id, Owner.Name, (SELECT Email FROM Contacts WHERE LastName = 'x'), MAX(Amount), FIELDS(ALL), "
    "TYPEOF What WHEN Task THEN Subject ELSE Name END FROM Account a "
    "WHERE account.Name = 'x' AND Id IN (SELECT AccountId FROM Contact) GROUP BY Rating ORDER BY CreatedDate"
)


def test_objects_are_those_after_from() -> None:
    """The sObjects of the query and its semi-joins are named once, in order; child relationships are no sObjects."""
    assert objects(parse(TEXT)) == ("Account", "Contact")


def test_every_use_of_a_field_is_listed_with_where_it_starts() -> None:
    """Selected, filtered, grouped and sorted paths all show, without the alias and under the right source."""
    uses = [(use.source, use.path) for use in fields(parse(TEXT))]

    expected = [
        (("Account",), ("Id",)),
        (("Account",), ("Id",)),
        (("Account",), ("Owner", "Name")),
        (("Account",), ("Amount",)),
        (("Account",), ("What", "Subject")),
        (("Account",), ("What", "Name")),
        (("Account",), ("Name",)),
        (("Account",), ("Rating",)),
        (("Account",), ("CreatedDate",)),
        (("Account", "Contacts"), ("Email",)),
        (("Account", "Contacts"), ("LastName",)),
        (("Contact",), ("AccountId",)),
        (("Account",), ("FIELDS(ALL)",)),
    ]
    assert sorted(expected) == sorted(uses)
