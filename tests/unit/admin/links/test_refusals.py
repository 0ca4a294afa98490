"""What a person is told when a link leads nowhere."""

import pytest

from service import errors
from service.admin.links.refusals import refusal_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidLink("secret text"), 400),
        (errors.InvalidRequest("secret text"), 400),
        (errors.LinkExpired("secret text"), 410),
        (errors.RecordNotFound("secret text"), 404),
        (errors.RecordDeleted("secret text"), 404),
        (errors.UnknownObject("secret text"), 404),
        (errors.UnknownField("secret text"), 404),
        (errors.DailyLimitExceeded("secret text"), 503),
        (errors.UpstreamUnavailable("secret text"), 503),
        (errors.OrgAuthenticationFailed("secret text"), 503),
        (errors.DeadlineExceeded("secret text"), 504),
        (errors.AccessDenied("secret text"), 404),
        (errors.InternalError("secret text"), 500),
    ],
)
def test_statuses(error, status):
    """Each failure has the status that HTTP means by it, and none of its own text is told."""
    refusal = refusal_of(error)

    assert status == refusal.status
    assert "secret" not in refusal.title + refusal.text


@pytest.mark.parametrize(("seconds", "told"), [(None, 30), (0.2, 1), (12.1, 13)])
def test_when_to_come_back(seconds, told):
    """What is only out of order for now says when to try again, in whole seconds."""
    assert told == refusal_of(errors.UpstreamUnavailable("x", retry_after_seconds=seconds)).retry_after_seconds
