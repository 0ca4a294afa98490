"""What the end of an attempt tells of the org."""

import pytest

from service.governor.base import Sign
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut
from service.salesforce.transport.signs import retry_after_seconds, sign_of, sign_of_loss
from tests.support.transport import answer, fault

READ = Request("GET", "/x", template="/x", repeatable=True)
WRITE = Request("PATCH", "/x", template="/x", repeatable=True)
LOCKED_ROW = answer(200, [{"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "m"}]}])
ECHO = answer(
    200,
    [
        {
            "success": False,
            "errors": [
                {"statusCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "message": "bad value: UNABLE_TO_LOCK_ROW"},
                {"statusCode": "MALFORMED_ID", "message": 'not an id: "UNABLE_TO_LOCK_ROW"'},
            ],
        }
    ],
)
NESTED_LOCK = answer(
    200,
    {
        "compositeResponse": [
            {
                "httpStatusCode": 400,
                "body": [{"errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "x: UNABLE_TO_LOCK_ROW"}],
            }
        ]
    },
)


@pytest.mark.parametrize(
    ("request_", "response", "sign"),
    [
        (READ, answer(200, {}), Sign.WELL),
        (READ, fault(404, "NOT_FOUND"), Sign.WELL),
        (READ, fault(400, "MALFORMED_QUERY"), Sign.WELL),
        (READ, fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), Sign.USED_UP),
        (READ, fault(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."), Sign.OVERLOADED),
        (READ, fault(403, "API_DISABLED_FOR_ORG"), Sign.WELL),
        (WRITE, fault(400, "UNABLE_TO_LOCK_ROW"), Sign.LOCKED),
        (WRITE, fault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "x: UNABLE_TO_LOCK_ROW"), Sign.LOCKED),
        (WRITE, LOCKED_ROW, Sign.LOCKED),
        (READ, answer(200, {"records": [{"Subject": "UNABLE_TO_LOCK_ROW"}]}), Sign.WELL),
        (WRITE, ECHO, Sign.WELL),
        (WRITE, NESTED_LOCK, Sign.LOCKED),
        (READ, Response(503, {}, b"<html>"), Sign.DOWN),
        (READ, fault(503, "SERVER_UNAVAILABLE"), Sign.DOWN),
        (READ, Response(502, {}, b""), Sign.DOWN),
        (READ, Response(420, {}, b""), Sign.DOWN),
        (READ, Response(500, {}, b"<html>"), Sign.DOWN),
        (READ, fault(500, "UNKNOWN_EXCEPTION"), Sign.WELL),
        (READ, Response(404, {"content-type": "text/html;charset=UTF-8"}, b"<html>"), Sign.DOWN),
        (READ, Response(414, {"content-type": "text/html"}, b"<html>"), None),
        (READ, Response(431, {"content-type": "text/html"}, b"<html>"), None),
        (WRITE, Response(413, {"content-type": "text/html"}, b"<html>"), None),
    ],
)
def test_an_answer_tells_of_the_org(request_, response, sign):
    """Limits, locks and outages are told apart; what is wrong with one request says nothing of the org.

    Nor does what its caller put into it: neither a value that reads like a code, nor a request that the edge finds too
    large.
    """
    assert sign == sign_of(request_, response)


@pytest.mark.parametrize(
    ("lost", "was_long", "sign"),
    [
        (NotSent("refused"), False, Sign.DOWN),
        (ConnectionLost("reset"), False, Sign.DOWN),
        (TimedOut(), True, Sign.TIMED_OUT),
        (TimedOut(), False, None),
    ],
)
def test_a_loss_tells_of_the_org(lost, was_long, sign):
    """A caller that gives hardly any time learns nothing by it."""
    assert sign is sign_of_loss(lost, was_long=was_long)


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (503, "7", 7.0),
        (503, "Thu, 01 Jan 1970 00:01:40 GMT", 60.0),
        (503, "Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        (503, "soon", None),
        (503, "-1", None),
        (503, "²", None),
        (503, "", None),
        (200, "7", None),
    ],
)
def test_how_long_to_wait_is_read(status, text, seconds):
    """Seconds or a date, which may have passed; what cannot be read says nothing."""
    assert seconds == retry_after_seconds(Response(status, {"retry-after": text}, b""), now=40.0)
