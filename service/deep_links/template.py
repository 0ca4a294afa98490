"""A URI template of a link provider: checked and cut up once, filled for each record."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from msgspec import Struct

from service.deep_links.placeholders import ALL, PLAIN_QUERY

Encoded = Mapping[str, str | None]
"""The percent-encoded value of each placeholder; None where there is none."""

HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
"""A literal host with a dot in it, in small letters."""

_SLOT = re.compile(r"\{([^{}]*)\}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,31}")
_URI_TEXT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%{}]+")
_ORIGIN = re.compile(r"\{(lightning|instance)\}/")

# Schemes that a browser runs or reads by itself, and those that only wrap another address: no app registers them.
_UNSAFE_SCHEMES = frozenset(
    {
        *("about", "blob", "data", "file", "filesystem", "ftp", "http", "https", "javascript", "vbscript"),
        *("view-source", "android-app", "intent"),
    }
)


class _Part(Struct, frozen=True, gc=False):
    """A stretch of a template."""

    text: str
    """With `%(name)s` for each placeholder, and `%%` for each other percent sign if there is one."""
    names: tuple[str, ...]
    """The placeholders."""
    is_optional: bool = False
    """Whether the URI stands without it."""


@dataclass(frozen=True, slots=True)
class UriTemplate:
    """A URI with placeholders, each of which is percent-encoded when filled.

    A placeholder that has no value leaves the whole template without a target; written `{name?}`, it leaves out only
    the parameter of the query that it stands in. `{query}` stands for the campaign fields. Where it is a query of its
    own (after `?` or `&`) its pairs stay pairs; where it is the value of a parameter (`referrer={query}`) the whole
    query is encoded once more, as Google Play asks.
    """

    text: str
    """The template as the operator wrote it."""
    _head: _Part = field(init=False, repr=False, compare=False)
    _pairs: tuple[_Part, ...] = field(init=False, repr=False, compare=False)
    """Of the query, which begins with the first that may be left out: what stands before that belongs to the head."""
    _tail: _Part = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        head, query, tail = _parts(self.text)
        pairs = [_pair(pair) for pair in query.split("&") if pair]
        fixed = next((index for index, pair in enumerate(pairs) if pair.is_optional), len(pairs))
        start = "&".join(query.split("&")[:fixed]) if fixed else ""
        object.__setattr__(self, "_head", _part(f"{head}?{start}" if start else head))
        object.__setattr__(self, "_pairs", tuple(pairs[fixed:]))
        object.__setattr__(self, "_tail", _part(tail))

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
        # Written otherwise it would be https as well, and no host of any list would be compared with its own.
        if address != "https" or not text.startswith("https://") or not HOST_NAME.fullmatch(host):
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

    @classmethod
    def on_salesforce(cls, text: str, *, field: str) -> "UriTemplate":
        """Check a template of a page of the org itself, for example `{lightning}/lightning/n/Dispatch?c__id={id}`.

        Args:
            text: The template. It begins with the placeholder of an origin, which comes from the org's login.
            field: Name of the setting, for the error.

        Raises:
            ValueError: It begins otherwise, or a placeholder is unknown.

        """
        _check_text(text, field)
        if not _ORIGIN.match(text):
            raise ValueError(f"{field} must begin with {{lightning}}/ or {{instance}}/, the org's own origins")
        return cls(text)

    @property
    def host(self) -> str:
        """The literal host; empty in a template without one."""
        return urlsplit(self.text).netloc if self.text.startswith("https://") else ""

    @property
    def needs(self) -> frozenset[str]:
        """The placeholders without whose values there is no target."""
        parts = (part for part in (self._head, *self._pairs, self._tail) if not part.is_optional)
        return frozenset(name for part in parts for name in part.names)

    @property
    def slots(self) -> frozenset[str]:
        """All its placeholders."""
        return frozenset(name for part in (self._head, *self._pairs, self._tail) for name in part.names)

    def fill(self, values: Encoded) -> str | None:
        """Put values in place of the placeholders.

        Args:
            values: Every placeholder's value, encoded as `service.deep_links.placeholders.Values` does.

        Returns:
            The URI, or None when a placeholder it needs has no value.

        """
        text = self._head.text
        if self._head.names:
            for name in self._head.names:
                if values[name] is None:
                    return None
            text = text % values
        if self._pairs or self._tail.text:
            return self._with_rest(text, values)
        return text

    def _with_rest(self, head: str, values: Encoded) -> str | None:
        pairs = []
        for part in (*self._pairs, self._tail):
            if any(values[name] is None for name in part.names):
                if part.is_optional:
                    continue
                return None
            filled = part.text % values if part.names else part.text
            if filled and part is not self._tail:
                pairs.append(filled)
        mark = "" if not pairs else "&" if "?" in head else "?"
        tail = self._tail.text % values if self._tail.names else self._tail.text
        return f"{head}{mark}{'&'.join(pairs)}{tail}"


def _part(text: str, *, is_optional: bool = False) -> _Part:
    names = tuple(dict.fromkeys(name.removesuffix("?") for name in _SLOT.findall(text)))
    if not names:
        return _Part(text, (), is_optional)
    plain = _SLOT.sub(lambda slot: f"\0{slot[1].removesuffix('?')}\1", text).replace("%", "%%")
    return _Part(plain.replace("\0", "%(").replace("\1", ")s"), names, is_optional)


def _pair(text: str) -> _Part:
    if text == "{query}":
        return _Part(f"%({PLAIN_QUERY})s", (PLAIN_QUERY,), is_optional=True)
    return _part(text, is_optional="?}" in text)


def _parts(text: str) -> tuple[str, str, str]:
    """Return what stands before the query, the query, and the fragment with its mark."""
    address, mark, fragment = text.partition("#")
    # The question mark of an optional placeholder begins no query.
    head, _, query = _SLOT.sub(lambda slot: slot[0].replace("?", "\0"), address).partition("?")
    return head.replace("\0", "?"), query.replace("\0", "?"), mark + fragment


def _check_text(text: str, field: str) -> None:
    if not _URI_TEXT.fullmatch(text):
        raise ValueError(f"{field} must hold only the characters of a URI and placeholders in braces")
    for name in _SLOT.findall(text):
        if name.removesuffix("?") not in ALL:
            raise ValueError(f"{field} holds {{{name}}}; placeholders are {', '.join(sorted(ALL))}")
    if set(_SLOT.sub("", text)) & {"{", "}"}:
        raise ValueError(f"{field} holds a brace without its partner")
    head, _, tail = _parts(text)
    if "?}" in head + tail:
        raise ValueError(f"{field} holds an optional placeholder outside its query")


def _split(text: str, field: str) -> tuple[str, str]:
    try:
        address = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"{field} is not an address: {error}") from error
    return address.scheme, address.netloc
