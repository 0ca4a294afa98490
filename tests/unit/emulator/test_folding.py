"""Text compared without case beyond ASCII."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.faults import SalesforceFault
from service.emulator.folding import compare, fold
from service.emulator.org import Org


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock)
    yield org
    org.close()


def create(org, **values):
    return org.create("Account", {"Name": "x", **values}, user_id=org.admin_id)


def names(org, condition):
    return [row["Name"] for row in org.query(f"SELECT Name FROM Account WHERE {condition} ORDER BY Name").rows]


@given(st.text(), st.text())
def test_comparison_is_an_order_of_the_folded_texts(left, right):
    """Texts that differ in case only are equal, and swapping two texts swaps the answer."""
    assert compare(left, right) == -compare(right, left)
    assert (compare(left, right) == 0) == (fold(left) == fold(right))


@given(st.text(st.characters(max_codepoint=127)), st.text(st.characters(max_codepoint=127, exclude_characters="\0")))
def test_ascii_has_one_order(left, right):
    """ASCII compares as SQLite's own NOCASE compares it, which is what lets an index live through the change."""

    def native(text):
        return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in text).encode()

    assert compare(left, right) == (native(left) > native(right)) - (native(left) < native(right))


def test_a_unique_external_id_has_no_case_beyond_ascii(org):
    """É and é are one key, on create, upsert and lookup."""
    create(org, Ext__c="plain")
    first = create(org, Ext__c="CAFÉ")

    with pytest.raises(SalesforceFault, match="duplicate value found: Ext__c"):
        create(org, Ext__c="café")
    assert org.find("Account", "Ext__c", "cafÉ") == first
    saved = org.upsert("Account", "Ext__c", "Café", {"Name": "y"}, user_id=org.admin_id)
    assert (saved.id, saved.created) == (first, False)


def test_queries_know_no_case_beyond_ascii(org):
    """Equality, LIKE, IN, ordering and grouping take É for é."""
    for name in ("Éclair", "éclair", "Zoé", "ZOË", "abc"):
        create(org, Name=name)

    assert len(names(org, "Name = 'ÉCLAIR'")) == 2
    assert len(names(org, "Name LIKE 'éc%'")) == 2
    assert names(org, "Name LIKE '%OÉ'") == ["Zoé"]
    assert names(org, "Name LIKE 'Z_Ë'") == ["ZOË"]
    assert names(org, "Name IN ('zoë')") == ["ZOË"]
    assert names(org, "Name != null") == ["abc", "Zoé", "ZOË", "Éclair", "éclair"]
    groups = org.query("SELECT Name, COUNT(Id) FROM Account GROUP BY Name").rows
    assert sorted(row["expr0"] for row in groups) == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"é\%", "É%", True),
        (r"é\%", "Éx", False),
        ("é%é%b", "éxÉxéb", True),
        ("é%é%b", "éxb", False),
        ("%é%", "x\néy", True),
        ("é", "éé", False),
    ],
)
def test_patterns_beyond_ascii(org, pattern, text, expected):
    """Wildcards and escaped ones mean the same as in patterns of ASCII."""
    create(org, Name=text)

    assert bool(names(org, f"Name LIKE '{pattern}'")) is expected


def test_hostile_patterns_end(org):
    """A pattern with many wildcards takes no longer than its text is long."""
    create(org, Name="é" * 255)

    assert names(org, "Name LIKE '" + "%é" * 60 + "x'") == []


def test_a_file_remembers(tmp_path, clock):
    """A database with texts beyond ASCII is opened with the comparison its indexes were written with."""
    path = str(tmp_path / "org.db")
    org = Org(clock=clock, path=path)
    expected = [create(org, Ext__c=key) for key in ("É1", "ñ", "Ω")]
    org.close()

    org = Org(clock=clock, path=path)

    assert [org.find("Account", "Ext__c", key) for key in ("é1", "Ñ", "ω")] == expected
    assert org._store.every("PRAGMA integrity_check") == [("ok",)]
    org.close()


def test_an_update_may_bring_the_first_text_beyond_ascii(org):
    """Whichever write comes first, the keys of all rows stay findable."""
    first = create(org, Ext__c="a")
    org.update("Account", first, {"Ext__c": "ä"}, user_id=org.admin_id)

    assert org.find("Account", "Ext__c", "Ä") == first


def test_the_change_waits_for_a_query(org):
    """A text that comes while a query is being read is stored; the next one brings the comparison for both."""
    query = org._store.connection.execute('SELECT "Id" FROM "User" UNION ALL SELECT "Id" FROM "Profile"')
    query.fetchone()
    first = create(org, Ext__c="É")
    query.close()

    second = create(org, Ext__c="ñ")

    assert [org.find("Account", "Ext__c", key) for key in ("é", "Ñ")] == [first, second]
    assert org._store.every("PRAGMA integrity_check") == [("ok",)]
