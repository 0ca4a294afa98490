"""Resume tokens: how far a load is, signed, so that any replica can go on with it without a database.

A token can be read by whoever holds it and holds no secret; it cannot be made or changed, as
`service.settings.signed_text` tells. What it says of the caller's data are sizes, numbers of rows and digests.
"""

import zlib

import msgspec

from service.errors import MessageTooLarge
from service.settings.signed_text import TextSigner, invalid
from service.settings.signing_key import SigningKey

MAX_LOAD_TOKEN_LENGTH = 65_536
"""What the contract's fields for tokens of loads take: 600 parts with all that may become of them."""

_PURPOSE = "sluicegate bulk load\n"
_LARGEST_PAYLOAD_BYTES = 1_048_576


class PartEntry(msgspec.Struct, frozen=True, array_like=True):
    """What a token says of a part. Where it begins is where the one before it ends."""

    rows: int
    """How many rows it has."""
    end_byte: int
    """Bytes of the caller's data up to its end."""
    digest: bytes
    """The first eight bytes of the SHA-256 of what is uploaded; empty if its end is not known yet."""
    jobs: tuple[str, ...] = ()
    """Ids of its jobs. The data of each is with Salesforce, but for the first one of a load that its end commits."""
    left: int = 0
    """How many rows the last job tries."""
    ended: str = ""
    """The state that the last job ended in, by Salesforce's name; empty before its results are told."""
    counts: tuple[int, ...] | None = None
    """Rows created, updated, deleted, failed and not processed, if the part is done; then those of which nobody knows,
    if there are any."""
    by_calls: int = 0
    """1 if its rows are to be written by calls instead of a job, 2 once that is committed. Whoever does not know this
    gives the part a job, which is safe: such rows may be written again."""


class LoadToken(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    org: str
    """Name of the org."""
    load_id: str
    """Names the load in logs."""
    object: str
    """API name of the sObject."""
    operation: str
    """Salesforce's name for it."""
    commit: str
    """What has a part written: `at_end`, `by_part` or `by_call`."""
    header: bytes
    """Digest of the request; see `LoadRequest.digest`."""
    key_field: str
    """The column, as it is uploaded, whose cell comes back with each result; empty for none."""
    created: int
    """When the load began, in seconds since the Unix epoch."""
    part_bytes: int
    """Most bytes of a part."""
    part_rows: int
    """Most rows of a part."""
    header_bytes: int
    """How long the header row of the caller's data is."""
    has_ended: bool
    """Whether all data is in the parts."""
    parts: tuple[PartEntry, ...]
    """In the order of the data."""
    header_digest: bytes = b""
    """The first eight bytes of the SHA-256 of the header row; empty if there is none, or none was told yet."""


class _FormerToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tokens said while a load was one job."""

    org: str
    job_id: str
    object: str
    operation: str
    external_id_field: str
    rows: int
    created: int

    def today(self) -> LoadToken:
        """Return it as what tokens say now."""
        return LoadToken(
            org=self.org,
            load_id=self.job_id,
            object=self.object,
            operation=self.operation,
            commit="at_end",
            header=b"",
            key_field="",
            created=self.created,
            part_bytes=1,
            part_rows=1,
            header_bytes=0,
            has_ended=True,
            parts=(PartEntry(self.rows, 0, b"", (self.job_id,)),),
        )


class TokenSigner:
    """Writes and reads resume tokens.

    Args:
        keys: The first signs; all verify.

    Raises:
        ValueError: There is no key, or two have one id.

    """

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        self._signer = TextSigner(keys, purpose=_PURPOSE, giver="BulkLoad", longest=MAX_LOAD_TOKEN_LENGTH)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(LoadToken)

    def write(self, token: LoadToken) -> str:
        """Return the signed token.

        Raises:
            MessageTooLarge: The load has more parts than fit.

        """
        text = self._signer.write(zlib.compress(self._encoder.encode(token)))
        if len(text) > MAX_LOAD_TOKEN_LENGTH:
            raise MessageTooLarge(
                f"a load takes no more than {len(token.parts) - 1:,} parts like these; send the rest as another load",
                metadata={"size_bytes": str(len(text)), "limit_bytes": str(MAX_LOAD_TOKEN_LENGTH)},
            )
        return text

    def read(self, text: str, *, org: str) -> LoadToken:
        """Check a token and return what it says.

        Args:
            text: The token as it was written.
            org: Name of the org it must have been made for.

        Raises:
            service.errors.InvalidToken: It was not signed here, was altered, or is of another org.

        """
        payload = self._signer.read(text)
        try:
            token = self._decode(payload)
        except (ValueError, zlib.error, msgspec.MsgspecError) as error:
            raise invalid("is of another version of this service") from error
        if token.org != org:
            raise invalid("names a load of another org than the request")
        return token

    def _decode(self, payload: bytes) -> LoadToken:
        if payload.startswith(b"{"):
            return msgspec.json.decode(payload, type=_FormerToken).today()
        return self._decoder.decode(zlib.decompressobj().decompress(payload, _LARGEST_PAYLOAD_BYTES))
