"""Reading the orders of bulk jobs; codes follow the guide, texts are unverified."""

from collections.abc import Mapping
from typing import Any

from service.emulator.faults import SalesforceFault, unparsable


def refuse_unknown_keys(body: Mapping[str, object], known: frozenset[str]) -> None:
    """Raise JSON_PARSER_ERROR for the first key of an order that Salesforce does not know."""
    unknown = sorted(set(body) - known)
    if unknown:
        raise unparsable(f'Unrecognized field "{unknown[0][:255]}"')


def choice(body: Mapping[str, object], name: str, choices: tuple[str, ...], default: str | None) -> Any:
    """Return a value that has to be one of a few words.

    Args:
        body: The order.
        name: The key.
        choices: The words.
        default: What an absent key means; None when it has to be there.

    Raises:
        SalesforceFault: 400 INVALIDJOB.

    """
    value = body.get(name, default)
    if value not in choices:
        text = f"InvalidJob : {name} has to be one of {', '.join(choices)}, not {str(value)[:255]}"
        raise SalesforceFault(400, "INVALIDJOB", text)
    return value


def word(body: Mapping[str, object], name: str) -> str:
    """Return a text that has to be there.

    Raises:
        SalesforceFault: 400 INVALIDJOB.

    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise SalesforceFault(400, "INVALIDJOB", f"InvalidJob : {name} is missing")
    return value
