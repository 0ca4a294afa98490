"""The kinds of link providers that the service knows: one module each, whose `KIND` is found by its place here."""

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from service.deep_links.providers.kind import ProviderKind

_NOT_A_KIND = "kind"


def _found() -> dict[str, ProviderKind]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != _NOT_A_KIND)
    kinds: dict[str, ProviderKind] = {name: import_module(f"{__name__}.{name}").KIND for name in names}
    return kinds


KINDS: Mapping[str, ProviderKind] = MappingProxyType(_found())
"""Every kind by its name, which is that of its module."""


def templates_of(
    kinds: Sequence[str], account: Mapping[str, str], own: Mapping[str, str], *, with_salesforce: bool
) -> dict[str, str]:
    """Return the templates of a provider: those of its kinds, and its own in place of theirs.

    Args:
        kinds: Names of kinds.
        account: What the kinds must know of the company: hosts, ids of apps.
        own: Text of the provider's own templates by name; empty ones count for nothing.
        with_salesforce: Whether the record opens in Salesforce as well.

    Raises:
        ValueError: A kind is unknown, misses something, or gives what another one gives; the text says which.

    """
    wanted = list(dict.fromkeys([*kinds, *(("lightning", "salesforce_mobile") if with_salesforce else ())]))
    unknown = [name for name in wanted if name not in KINDS]
    if unknown:
        raise ValueError(f"kinds: {unknown[0]!r} is none of {', '.join(KINDS)}")
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in wanted:
        kind = KINDS[name]
        used |= kind.account.keys()
        for slot, text in kind.filled(account).items():
            if slot in found and not own.get(slot):
                raise ValueError(f"kinds: {name} gives a {slot}, which another kind gives already")
            found[slot] = text
    strange = sorted(account.keys() - used)
    if strange:
        needed = sorted({name for kind in wanted for name in KINDS[kind].account})
        remedy = f"they need {', '.join(needed)}" if needed else "name those kinds in `kinds`"
        raise ValueError(f"account.{strange[0]} is nothing that the provider's kinds need: {remedy}")
    return {**found, **{slot: text for slot, text in own.items() if text}}
