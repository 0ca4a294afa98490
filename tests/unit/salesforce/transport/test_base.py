"""Requests and answers as they would stand in a log."""

from service.salesforce.transport.base import Request, Response


def test_no_repr_tells_a_secret():
    """A request or an answer that is logged by mistake shows no token, SOQL or value."""
    request = Request(
        "POST", "/q?q=secret", template="/q", repeatable=True, body=b"secret", headers={"Authorization": "secret"}
    )
    response = Response(200, {"set-cookie": "secret"}, b"secret")

    assert "secret" not in f"{request!r} {response!r}"
    assert "/q" in repr(request)
