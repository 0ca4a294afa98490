"""What makes a kind of link provider: the templates of its links, with gaps for what only the company knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.deep_links.template import HOST_NAME

_GAP = re.compile(r"<([a-z_]+)(\?)?>")


@dataclass(frozen=True, slots=True)
class Form:
    """What a value of the account may look like."""

    pattern: re.Pattern[str]
    words: str
    """The same for a person: the end of a sentence."""


WORD = Form(re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"), "letters, digits, dots, dashes and underscores")
NUMBER = Form(re.compile(r"[0-9]{1,20}"), "digits only")
HOST = Form(HOST_NAME, "a host in small letters, without https://, port or path")
SCHEME = Form(re.compile(r"[a-z][a-z0-9+.-]{1,31}"), "a scheme in small letters, without ://")


@dataclass(frozen=True, slots=True)
class AccountValue:
    """One thing that a kind must know of the company."""

    meaning: str
    """What it is, for a person."""
    form: Form = WORD


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
    account: Mapping[str, AccountValue] = field(default_factory=dict)
    """What it must know of the company."""

    def filled(self, account: Mapping[str, str]) -> dict[str, str]:
        """Return the templates with the company's values in their gaps.

        Args:
            account: The values by name; those that the kind does not know are passed over.

        Raises:
            ValueError: A value is missing or has another form; the text names it.

        """
        for name, value in account.items():
            known = self.account.get(name)
            if known is not None and not known.form.pattern.fullmatch(value):
                raise ValueError(f"account.{name} takes {known.form.words}: {known.meaning}")

        def value_of(gap: re.Match[str]) -> str:
            if gap[1] not in account and not gap[2]:
                raise ValueError(f"account.{gap[1]} is missing: {self.account[gap[1]].meaning}")
            return account.get(gap[1], "")

        return {slot: _GAP.sub(value_of, _without_absent(text, account)) for slot, text in self.templates.items()}


def _without_absent(text: str, account: Mapping[str, str]) -> str:
    """Return a template without the parameters whose optional gaps have no value."""
    head, mark, query = text.partition("?")
    kept = [pair for pair in query.split("&") if (gap := _GAP.search(pair)) is None or not gap[2] or gap[1] in account]
    return head + mark + "&".join(kept)
