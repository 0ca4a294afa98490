"""What makes a kind of link provider: the templates of its links, with gaps for what only the company knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_GAP = re.compile(r"<([a-z_]+)(\?)?>")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One kind of link provider.

    In a template `<name>` stands for a value of the account, `{name}` for a placeholder that each link fills. A
    parameter of the query with a value `<name?>` is left out if the account has none.
    """

    title: str
    """What it is, for a person."""
    templates: Mapping[str, str]
    """Text of each template, by its name in `service.deep_links.config.LinkProvider`."""
    account: Mapping[str, str] = field(default_factory=dict)
    """What it must know of the company, and what that is."""

    def filled(self, account: Mapping[str, str]) -> dict[str, str]:
        """Return the templates with the company's values in their gaps.

        Args:
            account: The values by name; those that the kind does not know are passed over.

        Raises:
            ValueError: A value is missing, or is more than letters, digits, dots, dashes and underscores.

        """
        for name, value in account.items():
            if name in self.account and not _WORD.fullmatch(value):
                raise ValueError(f"account.{name} takes letters, digits, dots, dashes and underscores")

        def value_of(gap: re.Match[str]) -> str:
            if gap[1] not in account and not gap[2]:
                raise ValueError(f"account.{gap[1]} is missing: {self.account[gap[1]]}")
            return account.get(gap[1], "")

        return {slot: _GAP.sub(value_of, _without_absent(text, account)) for slot, text in self.templates.items()}


def _without_absent(text: str, account: Mapping[str, str]) -> str:
    """Return a template without the parameters whose optional gaps have no value."""
    head, mark, query = text.partition("?")
    kept = [pair for pair in query.split("&") if (gap := _GAP.search(pair)) is None or not gap[2] or gap[1] in account]
    return head + mark + "&".join(kept)
