"""What makes a kind of short links: what a provider's API is asked for one, and where its answer holds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """A short link to be made."""

    url: str
    """The signed link. Whoever has no app is sent there, and the app finds it in what its SDK hands over."""
    path: str
    """What the app opens, as the placeholder `{path}` has it: `record/Case/C-1`."""
    action: str
    campaign: Mapping[str, str]
    """`utm_…` fields by name."""
    lives_seconds: int
    """How long the signed link is valid."""
    account: Mapping[str, str]
    """What the provider must know of the company, as the links of the same kind do."""

    def told(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return the campaign fields that are there, by the names that the provider has for them.

        Args:
            names: The provider's name of each field.

        """
        return {theirs: self.campaign[ours] for ours, theirs in names.items() if self.campaign.get(ours)}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a provider's API, which is a POST of JSON. Its repr holds no key."""

    path: str
    """Below the API's origin."""
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    template: str = ""
    """The path with placeholders for what varies, for spans; empty for the path itself."""


@dataclass(frozen=True, slots=True)
class ShortenerKind:
    """One provider's API."""

    title: str
    """What it is, for a person."""
    api: str
    """Its origin."""
    host: str
    """Name within the account of the domain that short links have."""
    needs: tuple[str, ...]
    """Names within the account of what the API must know beside."""
    ask: Callable[[Order, str], Asked]
    """Makes the request from an order and the key of the API."""
    answer: str
    """Member of the answer, which is a JSON object, that holds the short link."""
