"""Apex in Python and in files."""

from functools import partial

import pytest

from service.emulator.apex import Apex, ApexFileError, load_apex
from service.emulator.faults import SalesforceFault


def answer(apex, method, path):
    """Return the name of the function that answers, and what the path says."""
    segments = [part for part in path.split("/") if part]
    function, parameters = apex.find(method, segments)
    return function(None), parameters


@pytest.fixture
def apex():
    """Endpoints whose answers are their patterns."""
    made = Apex()

    def answer(path: str, _request: object) -> str:
        return path

    for method, path in [
        ("get", "/orders/*"),
        ("GET", "/orders/{number}"),
        ("PUT", "/orders/{number}"),
        ("GET", "/orders/latest"),
        ("POST", "orders/{number}/lines/{line}"),
        ("GET", "/"),
    ]:
        made.endpoint(method, path)(partial(answer, path))
    return made


@pytest.mark.parametrize(
    ("path", "pattern", "parameters"),
    [
        ("/orders/latest", "/orders/latest", {}),
        ("/orders/7", "/orders/{number}", {"number": "7"}),
        ("/orders", "/orders/*", {"*": ""}),
        ("/orders/7/x/y", "/orders/*", {"*": "7/x/y"}),
        ("/", "/", {}),
    ],
)
def test_the_path_with_most_words_answers(apex, path, pattern, parameters):
    """Words come before variables and variables before `*`, whatever the order of adding."""
    assert answer(apex, "GET", path) == (pattern, parameters)


def test_other_methods_and_paths_are_refused(apex):
    """A path without mapping is 404, one without the method 405 naming those there are; HEAD is GET."""
    with pytest.raises(SalesforceFault) as caught:
        apex.find("GET", ["nope"])
    assert (caught.value.http_status, caught.value.error_code) == (404, "NOT_FOUND")
    assert caught.value.message == "Could not find a match for URL"
    with pytest.raises(SalesforceFault) as caught:
        apex.find("DELETE", ["orders", "7"])
    assert (caught.value.http_status, caught.value.message) == (
        405,
        "HTTP Method 'DELETE' not allowed. Allowed are GET,PUT",
    )
    assert answer(apex, "HEAD", "/orders/latest")[0] == "/orders/latest"


async def _coroutine(_request):
    return None


def test_what_cannot_be_added(apex):
    """A method that does not exist, a `*` in the middle, a second answer and a coroutine are refused."""
    for method, path in [("HEAD", "/x"), ("GET", "/a/*/b"), ("GET", "/orders/latest")]:
        with pytest.raises(ValueError, match=r"HEAD is none|last segment|there already"):
            apex.endpoint(method, path)
    with pytest.raises(TypeError, match="coroutine"):
        apex.endpoint("GET", "/c")(_coroutine)
    apex.action("A")(lambda _request, _values: None)
    with pytest.raises(ValueError, match="A is there already"):
        apex.action("A")
    Apex().include(apex)
    with pytest.raises(ValueError, match="there already"):
        apex.include(apex)


MODULE = """
from dataclasses import dataclass

from service.emulator.apex import Apex

apex = Apex()


@dataclass
class Order:
    number: str


@apex.endpoint("GET", "/orders/{number}")
def order(request):
    return {"number": Order(request.parameters["number"]).number}
"""


def test_a_module_is_run(tmp_path):
    """The one Apex of a module is what its file holds."""
    file = tmp_path / "code.py"
    file.write_text(MODULE)

    assert [(method, path) for method, path, _ in load_apex(file).endpoints()] == [("GET", "orders/{number}")]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.py", "x = 1", "one Apex"),
        ("a.py", "raise RuntimeError('boom')", "RuntimeError: boom"),
        ("a.py", "def", "SyntaxError"),
        ("a.yaml", "[", "a.yaml"),
        ("a.yaml", "- 1", "endpoints and actions are expected"),
        ("a.yaml", "others: []", "endpoints and actions are expected"),
        ("a.yaml", "endpoints: {}\nactions: 3", "actions has to be a list"),
        ("a.yaml", "endpoints: [1]", r"endpoints\[0\]: an object"),
        ("a.yaml", "endpoints: [{method: GET, path: /x, stauts: 3}]", r"endpoints\[0\]: stauts is unknown"),
        ("a.yaml", "endpoints: [{method: GET, path: /x, status: 99}]", r"endpoints\[0\]: status: 99"),
        ("a.yaml", "endpoints: [{method: GET, path: /x, headers: 1}]", r"endpoints\[0\]: headers"),
        ("a.yaml", "endpoints: [{method: GET}]", r"endpoints\[0\]: path: a text is needed"),
        ("a.yaml", "actions: [{name: 1}]", r"actions\[0\]: name: a text is needed"),
        ("a.yaml", "actions: [{name: A}, {name: A}]", r"actions\[1\]: the action A is there already"),
        ("b.yaml", None, "b.yaml"),
    ],
)
def test_files_that_hold_no_apex(tmp_path, name, text, complaint):
    """A file that cannot be read, run or understood is refused with its name and the place."""
    file = tmp_path / name
    if text is not None:
        file.write_text(text)

    with pytest.raises(ApexFileError, match=complaint) as caught:
        load_apex(file)
    assert str(file) in str(caught.value)
