"""Printing: what is printed parses to the same tree."""

from hypothesis import given, settings

from service.soql import ast, parse, strings, to_soql
from tests.unit.soql.queries import patterns, queries, texts


@settings(deadline=None)
@given(queries)
def test_printing_then_parsing_gives_the_same_tree(query: ast.Query) -> None:
    """Any tree, with any characters in its strings, survives being text."""
    assert query == parse(to_soql(query))


@settings(deadline=None)
@given(texts)
def test_an_encoded_string_decodes_to_itself(text: str) -> None:
    """Encoding loses nothing and leaves no raw quote, backslash or line end behind."""
    encoded = strings.encode(text)

    assert text == strings.decode(encoded[1:-1])
    assert "\n" not in encoded


@settings(deadline=None)
@given(patterns)
def test_an_encoded_pattern_decodes_to_itself(pattern: str) -> None:
    """Patterns keep their own escapes through text."""
    assert pattern == strings.decode_pattern(strings.encode_pattern(pattern)[1:-1])


def test_backslashes_are_escaped_before_quotes() -> None:
    """A backslash in front of a quote cannot unescape it."""
    query = ast.Query(
        (ast.Column(ast.Path(("Id",))),), "A", where=ast.Comparison(ast.Path(("b",)), "=", ast.Text("\\'"))
    )

    assert to_soql(query) == r"SELECT Id FROM A WHERE b = '\\\''"


def test_instants_print_without_a_plus_sign() -> None:
    """Offsets are printed as Z, so a URL needs no care."""
    query = parse("SELECT Id FROM A WHERE b > 2026-03-01T00:00:00+01:00")

    assert to_soql(query) == "SELECT Id FROM A WHERE b > 2026-02-28T23:00:00.000Z"


def test_a_double_negation_keeps_its_parentheses() -> None:
    """NOT takes one condition, so a NOT below a NOT stands in parentheses."""
    text = "SELECT Id FROM A WHERE NOT (NOT b = 1)"

    assert to_soql(parse(text)) == text
