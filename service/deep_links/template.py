"""A URI template of a link provider: checked once, filled for each record."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

PLACEHOLDERS = frozenset({"object", "id", "external_id", "external_id_field", "action", "query"})

_SLOT = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,31}")
_URI_TEXT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%{}]+")

# Schemes that a browser runs or reads by itself: an app can never register them.
_UNSAFE_SCHEMES = frozenset(
    {"about", "blob", "data", "file", "filesystem", "ftp", "http", "https", "javascript", "vbscript", "view-source"}
)


@dataclass(frozen=True, slots=True)
class UriTemplate:
    """A URI with placeholders, each of which is percent-encoded when filled.

    `{query}` stands for the campaign fields. Where it is a query of its own (after `?` or `&`) its pairs stay pairs;
    where it is the value of a parameter (`referrer={query}`) the whole query is encoded once more, as Google Play asks.
    """

    text: str
    """The template as the operator wrote it."""

    @classmethod
    def https(cls, text: str, *, field: str) -> "UriTemplate":
        """Check a template of an https address.

        Args:
            text: The template. Its host is literal: no placeholder can choose where a link goes.
            field: Name of the setting, for the error.

        Raises:
            ValueError: It is not https, has no plain host, or holds an unknown placeholder.

        """
        _check_text(text, field)
        address, host = _split(text, field)
        if address != "https" or not _HOST.fullmatch(host):
            raise ValueError(f"{field} must begin with https:// and a literal lower-case host without user or port")
        return cls(text)

    @classmethod
    def app_scheme(cls, text: str, *, field: str) -> "UriTemplate":
        """Check a template of an app's own scheme, for example `acme://record/{object}/{id}`.

        Args:
            text: The template. Its scheme is literal.
            field: Name of the setting, for the error.

        Raises:
            ValueError: The scheme is one that browsers handle themselves, or a placeholder is unknown.

        """
        _check_text(text, field)
        scheme, separator, _ = text.partition("://")
        if not separator or not _SCHEME.fullmatch(scheme) or scheme in _UNSAFE_SCHEMES:
            raise ValueError(f"{field} must begin with the app's own lower-case scheme, for example acme://")
        return cls(text)

    def fill(self, values: Mapping[str, str | None]) -> str | None:
        """Put values in place of the placeholders.

        Args:
            values: Every placeholder's raw value; `query` comes encoded as `key=value&…`.

        Returns:
            The URI, or None when a placeholder it needs has no value.

        """
        parts: list[str] = []
        end = 0
        for slot in _SLOT.finditer(self.text):
            value = values[slot[1]]
            if value is None:
                return None
            parts.append(self.text[end : slot.start()])
            is_whole_query = slot[1] == "query" and parts[-1][-1:] in {"?", "&"}
            parts.append(value if is_whole_query else quote(value, safe=""))
            end = slot.end()
        parts.append(self.text[end:])
        return "".join(parts).rstrip("?&")


def _check_text(text: str, field: str) -> None:
    if not _URI_TEXT.fullmatch(text):
        raise ValueError(f"{field} must hold only the characters of a URI and placeholders in braces")
    for name in _SLOT.findall(text):
        if name not in PLACEHOLDERS:
            raise ValueError(f"{field} holds {{{name}}}; placeholders are {', '.join(sorted(PLACEHOLDERS))}")
    if set(_SLOT.sub("", text)) & {"{", "}"}:
        raise ValueError(f"{field} holds a brace without its partner")


def _split(text: str, field: str) -> tuple[str, str]:
    try:
        address = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"{field} is not an address: {error}") from error
    return address.scheme, address.netloc
