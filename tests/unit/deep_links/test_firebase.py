"""Old links of Firebase, read as links to records."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.deep_links.firebase import OldAddress, OldLinks
from service.deep_links.link import ExternalId, Link, LinkedRecord

OLD = OldLinks(
    frozenset({"acme.page.link"}),
    (
        OldAddress.of("https://www.acme.com/cases/{external_id}", object_name="Case", external_id_field="Ext__c"),
        OldAddress.of("https://www.acme.com/open?type=lead&id={id}&do={action}", object_name="Lead"),
    ),
)


def old(link: str, more: str = "") -> str:
    """Write a long link."""
    return f"https://acme.page.link/?link={quote(link, safe='')}&apn=com.acme.app&ibi=com.acme.app{more}"


def test_a_long_link_tells_its_record():
    """The pattern finds the record, and the campaign travels on."""
    found = OLD.read(old("https://www.acme.com/cases/A%2F1", "&utm_source=sms&st=Title&efr=1"), org="main")

    assert (
        Link("main", LinkedRecord("Case", ExternalId("Ext__c", "A/1")), "", 0, "view", {"utm_source": "sms"}) == found
    )


def test_a_query_may_tell_record_and_action():
    """Parameters stand in any order, further ones count for nothing."""
    found = OLD.read(old("https://www.acme.com/open?x=1&do=edit&id=00Q000000000001AAA&type=lead"), org="main")

    assert (LinkedRecord("Lead", "00Q000000000001AAA"), "edit") == (found.record, found.action)


@pytest.mark.parametrize(
    ("url", "parameter"),
    [
        ("https://acme.page.link/AbCd", "link"),
        ("https://acme.page.link/?apn=x", "link"),
        (old("https://www.acme.com/other/1"), "link"),
        (old("https://www.acme.com/cases/"), "link"),
        (old("https://www.acme.com/cases/1/2"), "link"),
        (old("https://evil.com/cases/1"), "link"),
        (old("https://evilwww.acme.com/cases/1"), "link"),
        (old("https://www.acme.com.evil.com/cases/1"), "link"),
        (old("https://www.acme.com@evil.com/cases/1"), "link"),
        (old("https://www.acme.com:8443/cases/1"), "link"),
        (old("https://evil.com\\@www.acme.com/cases/1"), "link"),
        (old("http://www.acme.com/cases/1"), "link"),
        (old("javascript:alert(1)"), "link"),
        (old("//www.acme.com/cases/1"), "link"),
        (old("https://www.acme.com/cases/1#x"), "link"),
        (old("https://www.acme.com/cases/1\r\nX: y"), "link"),
        (old("https://[x/cases/1"), "link"),
        (old("https://www.acme.com/open?type=lead&id=5&do=edit"), "link"),
        (old("https://www.acme.com/open?type=lead&id=00Q000000000001AAA&do=EDIT"), "link"),
        (old("https://www.acme.com/open?type=lead&id=00Q000000000001AAA&id=00Q000000000002AAA&do=edit"), "id"),
        (old("https://www.acme.com/cases/1", "&link=https%3A%2F%2Fevil.com"), "link"),
        (old("https://www.acme.com/cases/1", "&st=%FF"), "st"),
        (old("https://www.acme.com/cases/" + "1" * 4200), "url"),
    ],
)
def test_what_tells_no_record_is_refused(url, parameter):
    """Short links, other addresses and what could be read in two ways are refused by the parameter's name."""
    assert OLD.are_at(url)
    with pytest.raises(errors.InvalidLink) as caught:
        OLD.read(url, org="main")

    assert {"parameter": parameter} == caught.value.metadata


@pytest.mark.parametrize(
    "url",
    [
        "https://other.page.link/?link=x",
        "http://acme.page.link/?link=x",
        "https://acme.page.link.evil.com/?link=x",
        "https://acme.page.link@evil.com/?link=x",
        "https://acme.page.link:443/?link=x",
        "//acme.page.link/",
        "",
    ],
)
def test_other_hosts_are_none_of_it(url):
    """Only the configured hosts are read; without any, none is."""
    assert (False, False) == (OLD.are_at(url), OldLinks().are_at("https://acme.page.link/?link=x"))


@given(text=st.text(max_size=300))
def test_whatever_it_is_it_is_read_or_refused(text):
    """No text raises anything but the documented error."""
    for url in (f"https://acme.page.link/{text}", old(text), old(f"https://www.acme.com/cases/{text}")):
        try:
            found = OLD.read(url, org="main")
        except errors.InvalidLink:
            continue
        assert found.record.object in {"Case", "Lead"}


@pytest.mark.parametrize(
    ("url", "field", "problem"),
    [
        ("http://www.acme.com/{id}", "", "must begin with https"),
        ("https://{id}/", "", "must begin with https"),
        ("https://www.acme.com/{id}#x", "", "fragment"),
        ("https://www.acme.com/x-{id}", "", "whole part"),
        ("https://www.acme.com/{id}/{id}", "", "each once"),
        ("https://www.acme.com/{object}/{id}", "", "takes the placeholders"),
        ("https://www.acme.com/x", "", "either"),
        ("https://www.acme.com/{id}/{external_id}", "", "either"),
        ("https://www.acme.com/{external_id}", "", "external_id_field must be given"),
        ("https://www.acme.com/{id}", "Ext__c", "only with it"),
        ("https://www.acme.com/{external_id}", "Ext c", "API names"),
    ],
)
def test_a_pattern_that_is_unclear_is_refused(url, field, problem):
    """A pattern finds one record in one way, or the configuration is refused."""
    with pytest.raises(ValueError, match=problem):
        OldAddress.of(url, object_name="Case", external_id_field=field)


def test_a_host_must_be_one():
    """What is no host name is refused at start."""
    with pytest.raises(ValueError, match="no lower-case host"):
        OldLinks(frozenset({"https://acme.page.link"}))
