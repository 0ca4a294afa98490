"""Resume tokens: a load's name, signed, so that any replica can tell how the load stands without a database.

It can be read by whoever holds it and holds no secret; it cannot be made or changed; `service.settings.signed_text`
tells how it is signed.
"""

import msgspec

from service.settings.signed_text import TextSigner, invalid
from service.settings.signing_key import SigningKey

_PURPOSE = "sluicegate bulk load\n"


class LoadToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says."""

    org: str
    """Name of the org."""
    job_id: str
    """Id of Salesforce's bulk job."""
    object: str
    """API name of the sObject."""
    operation: str
    """`insert`, `update`, `upsert` or `delete`."""
    external_id_field: str
    """API name of the external-id field; empty unless the operation is `upsert`."""
    rows: int
    """Rows received when the token was made; 0 in the first token of a load."""
    created: int
    """When the job was created, in seconds since the Unix epoch."""


class TokenSigner:
    """Writes and reads resume tokens.

    Args:
        keys: The first signs; all verify.

    Raises:
        ValueError: There is no key, or two have one id.

    """

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        self._signer = TextSigner(keys, purpose=_PURPOSE, giver="BulkLoad")
        self._decoder = msgspec.json.Decoder(LoadToken)

    def write(self, token: LoadToken) -> str:
        """Return the signed token."""
        return self._signer.write(msgspec.json.encode(token))

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
            token = self._decoder.decode(payload)
        except (ValueError, msgspec.MsgspecError) as error:
            raise invalid("is of another version of this service") from error
        if token.org != org:
            raise invalid("names a load of another org than the request")
        return token
