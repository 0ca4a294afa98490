"""Resume tokens of queries: where a result goes on, signed, so that any replica can go on without a database.

A token names the query by a digest and holds no row, only the last row's values of the fields that order the result.
"""

from dataclasses import fields
from hashlib import blake2b

import msgspec

from service.query.options import Options
from service.settings.signed_text import MAX_TOKEN_LENGTH, TextSigner, invalid
from service.settings.signing_key import SigningKey
from service.soql import to_soql
from service.soql.ast import Query

_PURPOSE = "sluicegate query\n"
_DIGEST_BYTES = 15

_OPTIONS = tuple(field.name for field in fields(Options) if field.name != "resume_token")

KeyValue = None | bool | int | float | str
"""What a field that orders a result held, as its column has it."""


class RestPosition(msgspec.Struct, frozen=True, tag="rest", omit_defaults=True):
    """A place in a result that is read page by page."""

    locator: str = ""
    """What follows `/query/` in the path of the page with the next row; empty for the first page, which has none."""
    skip: int = 0
    """Rows from the begin of that page on that were sent."""


class BulkPosition(msgspec.Struct, frozen=True, tag="bulk", omit_defaults=True):
    """A place in the result of a query job."""

    job_id: str
    locator: str = ""
    """Of the part with the next row; empty for the first part, which has none."""
    skip: int = 0
    """Rows from the begin of that part on that were sent."""
    before: int = 0
    """Rows that were sent before the job, of one that was run for the rest."""


Position = RestPosition | BulkPosition


class ResumeToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a token says."""

    org: str
    """Name of the org."""
    query: str
    """Digest of the query with its parameters bound."""
    options: tuple[bool | int | str, ...]
    """The rest of the request, in the order of `Options`."""
    rows: int
    """Rows sent so far, over all calls that belong together."""
    total: int
    """Rows of the whole result, as they were counted at first."""
    begun: int
    """Before Salesforce looked for the rows, in seconds since the epoch, by its own clock if it tells: what was changed
    later may not be in the result, and what `TODAY` means is told then."""
    position: Position | None = None
    """Where the next row stands; None behind the last one."""
    is_plain: bool = False
    """Whether Salesforce took the query only as it was asked, and not in an order that lets it be restarted."""
    last: tuple[KeyValue, ...] = ()
    """What the last row held in the fields that order the result; empty where nothing orders it."""
    found: int = 0
    """After Salesforce had looked for the rows, by the same clock as `begun`."""


class ResumeSigner:
    """Writes and reads the tokens of queries.

    Args:
        keys: The first signs; all verify.

    Raises:
        ValueError: There is no key, or two have one id.

    """

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        self._signer = TextSigner(keys, purpose=_PURPOSE, giver="Query")
        self._decoder = msgspec.json.Decoder(ResumeToken)

    def open(self, query: Query, options: Options, now: float, *, org: str) -> ResumeToken:
        """Return where a request begins: at the first row, or where its token says.

        Args:
            query: The request's query with its parameters bound.
            options: The rest of the request.
            now: Seconds since the epoch.
            org: Name of the org that is asked.

        Raises:
            service.errors.InvalidToken: The token was not signed here, was altered, or belongs to another request; the
                text names what differs.

        """
        digest, told = _digest(to_soql(query)), _told(options)
        if not options.resume_token:
            return ResumeToken(org, digest, told, 0, 0, int(now), RestPosition())
        payload = self._signer.read(options.resume_token)
        try:
            token = self._decoder.decode(payload)
        except (ValueError, msgspec.MsgspecError) as error:
            raise invalid("is of another version of this service") from error
        if token.org != org:
            raise invalid("belongs to a query of another org")
        _check(token, digest, told)
        return token

    def write(self, token: ResumeToken) -> str:
        """Return the signed token; values that are too long for it are left out, and with them the restart."""
        payload = msgspec.json.encode(token)
        if self._signer.length(len(payload)) > MAX_TOKEN_LENGTH:
            payload = msgspec.json.encode(msgspec.structs.replace(token, last=()))
        return self._signer.write(payload)


def _check(token: ResumeToken, query: str, options: tuple[bool | int | str, ...]) -> None:
    if len(token.options) != len(options):
        raise invalid("is of another version of this service")
    differing = [] if token.query == query else ["soql or parameters"]
    differing += [name for name, one, other in zip(_OPTIONS, token.options, options, strict=True) if one != other]
    if differing:
        raise invalid(f"belongs to a request with another {', '.join(differing)}; repeat that request unchanged")


def _told(options: Options) -> tuple[bool | int | str, ...]:
    return tuple(getattr(options, name) for name in _OPTIONS)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()
