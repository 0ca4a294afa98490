"""The files of a run, as they are named on the command line or in a plan file."""

from pathlib import Path

import pytest

from service.cli.bulk.sources import Source, check, delimiter_of, header_of, named, planned, rows_of


@pytest.mark.parametrize(
    ("text", "file", "object_name", "key"),
    [
        ("accounts.csv:Account:Ext__c", "accounts.csv", "Account", "Ext__c"),
        ("leads.csv:Lead", "leads.csv", "Lead", ""),
        ("a:b.csv:Seat__c", "a:b.csv", "Seat__c", ""),
    ],
)
def test_a_file_is_named_with_its_object(text, file, object_name, key):
    """With an external id its rows are upserted, and inserted without one."""
    source = named(text)

    assert (str(Path(file).resolve()), object_name, key) == (source.file, source.object, source.external_id)
    assert ("upsert" if key else "insert") == source.action


@pytest.mark.parametrize("text", ["accounts.csv", ":Account", "accounts.csv:", "accounts.csv:Account:9", ""])
def test_what_names_no_object_is_refused(text):
    """The form is told."""
    with pytest.raises(ValueError, match="must be FILE:Object or FILE:Object:ExternalId"):
        named(text)


def test_a_plan_file_says_more(tmp_path):
    """Paths begin where the plan file is."""
    path = tmp_path / "plan.toml"
    path.write_text(
        '[[load]]\nfile = "c.csv"\nobject = "Contact"\noperation = "update"\n'
        'map = { "Last name" = "LastName", Rest = "" }\nconstants = { Title = "Dr." }\nnull_text = ""\n',
        encoding="utf-8",
    )

    (source,) = planned(path)

    assert (str(tmp_path / "c.csv"), "update", "Id", "") == (
        source.file,
        source.action,
        source.key_field,
        source.null_text,
    )
    assert ["LastName", "", "Id"] == [source.target(column) for column in ("Last name", "Rest", "Id")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[load]]\nfile = "a.csv"\nobjct = "Account"\n', "objct"),
        ('[[load]]\nfile = "a.csv"\n', "object"),
        ("[[load]\n", "plan.toml: "),
        ('[[load]]\nfile = "a.csv"\nobject = "A"\noperation = "delete"\n', "delete"),
    ],
)
def test_a_plan_file_that_is_wrong_is_told(tmp_path, text, words):
    """What is unknown, missing or no TOML is named with the file."""
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=words):
        planned(path)


def test_files_that_are_no_run_are_refused(tmp_path):
    """None, the same twice, JSON Lines, one that is not there, an upsert without external id."""
    path = tmp_path / "a.csv"
    path.write_text("Name\n", encoding="utf-8")
    account = Source(file=str(path), object="Account")

    for sources, words in [
        ([], "name the files"),
        ([account, account], "named twice"),
        ([Source(file=str(tmp_path / "a.jsonl"), object="Account")], "takes CSV"),
        ([Source(file=str(path), object="Account", operation="upsert")], "needs an external id"),
        ([Source(file=str(path), object="Account", operation="update", external_id="E__c")], "others? .*have none"),
    ]:
        with pytest.raises(ValueError, match=words):
            check(sources)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*b\.csv"):
        check([account, Source(file=str(tmp_path / "b.csv"), object="Account")])


@pytest.mark.parametrize(
    ("data", "delimiter", "header"),
    [
        (b"Ext__c,Name\n1,A\n", ",", ["Ext__c", "Name"]),
        (b"\xef\xbb\xbf\r\nExt__c;Name\r\n1;A,B,C\r\n", ";", ["Ext__c", "Name"]),
        (b'"a\nb;c;d",Name\n', ",", ["a\nb;c;d", "Name"]),
        (b"Name", ",", ["Name"]),
    ],
)
def test_headers_are_read_as_the_service_reads_them(tmp_path, data, delimiter, header):
    """Delimiters are found, and a byte order mark, empty lines and quotes understood."""
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    source = Source(file=str(path), object="Account")

    assert (delimiter, header) == (delimiter_of(source), header_of(source))


def test_headers_that_cannot_be_used_are_refused(tmp_path):
    """An empty file, and a mapping of a column that is not there."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.csv is empty"):
        header_of(Source(file=str(path), object="Account"))
    path.write_bytes(b"Name,City\n")
    with pytest.raises(ValueError, match="has no column 'Nmae', which is mapped; it has: Name, City"):
        header_of(Source(file=str(path), object="Account", map={"Nmae": "Name"}))


@pytest.mark.parametrize(("data", "words"), [(b'Name\n"a\n', r"a\.csv, line"), (b"Name\n\xff\n", "is not UTF-8")])
def test_rows_that_cannot_be_read_are_told(tmp_path, data, words):
    """The file is named."""
    path = tmp_path / "a.csv"
    path.write_bytes(data)

    with pytest.raises(ValueError, match=words):
        list(rows_of(path, ","))
