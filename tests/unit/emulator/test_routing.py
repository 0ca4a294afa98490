"""Recognising resources, and saying so when there is none."""

import pytest

from service.emulator.exchange import Answer, Call
from service.emulator.faults import SalesforceFault
from service.emulator.routing import Router


async def describe(_call: Call) -> Answer:
    return Answer()


async def row(_call: Call) -> Answer:
    return Answer()


@pytest.fixture
def router() -> Router[Call]:
    router: Router[Call] = Router()
    router.add("sobjects/{sobject}/describe", get=describe)
    router.add("sobjects/{sobject}/{id}", get=row, delete=row)
    return router


def test_words_win_over_variables(router):
    """A path of words is recognised before one of variables of the same length."""
    assert (describe, {"sobject": "Account"}) == router.find("GET", ["sobjects", "Account", "describe"])
    assert (row, {"sobject": "Account", "id": "001"}) == router.find("GET", ["sobjects", "Account", "001"])


def test_head_is_get(router):
    """HEAD goes to the handler of GET."""
    assert row == router.find("HEAD", ["sobjects", "Account", "001"])[0]


def test_an_unknown_path(router):
    """A path of no resource is 404 NOT_FOUND."""
    with pytest.raises(SalesforceFault) as caught:
        router.find("GET", ["sobjects"])

    assert (caught.value.http_status, caught.value.error_code) == (404, "NOT_FOUND")


def test_an_unknown_method(router):
    """A resource without the method is 405 and names the methods it has."""
    with pytest.raises(SalesforceFault) as caught:
        router.find("PUT", ["sobjects", "Account", "001"])

    assert (caught.value.http_status, caught.value.error_code) == (405, "METHOD_NOT_ALLOWED")
    assert caught.value.message == "HTTP Method 'PUT' not allowed. Allowed are DELETE,GET"


def test_the_pattern_of_a_path(router):
    """A path is of a resource, whatever the method; other paths are of none."""
    assert "sobjects/{sobject}/{id}" == router.pattern(["sobjects", "Account", "001"])
    assert "sobjects/{sobject}/describe" == router.pattern(["sobjects", "Account", "describe"])
    assert router.pattern(["sobjects"]) is None
