"""What signs the tokens by which calls go on that broke off."""

from dataclasses import dataclass

from service.bulk.token import TokenSigner
from service.query.resume import ResumeSigner
from service.settings.signing_key import SigningKey


@dataclass(frozen=True, slots=True)
class Signers:
    """The signers of tokens, by what goes on."""

    loads: TokenSigner
    queries: ResumeSigner

    @classmethod
    def of(cls, keys: tuple[SigningKey, ...]) -> "Signers":
        """Return signers that share keys.

        Args:
            keys: The first signs; all verify.

        Raises:
            ValueError: There is no key, or two have one id.

        """
        return cls(TokenSigner(keys), ResumeSigner(keys))
