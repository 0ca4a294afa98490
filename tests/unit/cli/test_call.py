"""`sluicegate call`, as far as it comes without a service."""

import pytest
from typer.testing import CliRunner

from service.cli import application


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (["OrgService/Limits"], b"", "there is no method 'OrgService/Limits'; there are: BulkService/BulkLoad, "),
        (["OrgService/GetLimits", '{"orgs": "a"}'], b"", "the request has no field 'orgs'; did you mean org?"),
        (["OrgService/GetLimits", "-"], b"", "the request is empty"),
        (["OrgService/GetLimits", "-"], b'{"org": "\xff"}', "standard input is not UTF-8 at byte 9"),
        (["OrgService/GetLimits", "--target", "http://127.0.0.1:1"], b"", "the target must be host:port"),
        (["OrgService/GetLimits", "--timeout", "0"], b"", "'--timeout'"),
        (["OrgService/GetLimits", "--timeout", "inf"], b"", "'--timeout'"),
    ],
)
def test_mistakes(arguments, stdin, told):
    """A call that cannot be made is told why, with status 2, which no failed call has."""
    result = CliRunner().invoke(application(), ["call", *arguments], input=stdin)

    assert (2, "") == (result.exit_code, result.stdout)
    assert told in result.stderr
