"""The pages, whatever stands in them."""

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admin.links import pages
from service.deep_links.plan import TargetKind
from service.deep_links.resolver import Target

STORE = Target(TargetKind.STORE, "https://store.example.com/app?id=1&x=2", "because")
HOSTILE = '"><script>alert(1)</script>'


class Elements(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.names.append(tag)
        self.attributes += attrs


def elements(page: str) -> Elements:
    """Read a page."""
    found = Elements()
    found.feed(page)
    return found


@pytest.mark.parametrize(
    "page",
    [
        pages.computer_page(pages.code_of("https://links.example.com/l?a=b"), [STORE]),
        pages.choice_page([STORE]),
        pages.error_page("Gone", "Ask again."),
    ],
)
def test_a_page_needs_nothing_else(page):
    """It loads nothing, runs nothing, is kept from search engines, and its one style is what the policy allows."""
    found = elements(page)

    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert not {"script", "link", "img", "iframe", "form"} & set(found.names)
    assert not [name for name, _ in found.attributes if name in {"src", "style"} or name.startswith("on")]
    assert b64encode(hashlib.sha256(style.encode()).digest()).decode() in pages.POLICY
    assert ("content", "noindex,nofollow") in found.attributes
    assert page.isascii()


@given(st.text(max_size=200))
def test_addresses_are_escaped(text):
    """Whatever an address holds, it stays one attribute of one element."""
    found = elements(pages.choice_page([Target(TargetKind.WEB, HOSTILE + text, "because")]))

    assert 1 == found.names.count("a")
    assert "script" not in found.names


def test_each_way_has_one_button():
    """The better of two ways into the app is offered, and no address twice."""
    link = Target(TargetKind.APP_LINK, "https://app.example.com/1", "because")
    scheme = Target(TargetKind.APP_SCHEME, "acme://1", "because")
    web = Target(TargetKind.WEB, link.uri, "because")

    page = pages.choice_page([link, scheme, STORE, web])

    assert ["https://app.example.com/1", STORE.uri] == [
        value for name, value in elements(page).attributes if name == "href"
    ]


def test_a_link_that_is_too_long_for_a_code():
    """The page then says in words what to do."""
    longest = "x" * pages.MOST_CODE_CHARACTERS

    codes = [pages.code_of(longest), pages.code_of(longest + "x")]

    assert ["<svg", ""] == [code[:4] for code in codes]
    assert "camera" in pages.computer_page(codes[0], [STORE])
    assert "camera" not in pages.computer_page(codes[1], [STORE])
