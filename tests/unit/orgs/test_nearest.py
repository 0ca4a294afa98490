"""The name that was meant."""

import difflib
from collections.abc import Sequence
from typing import Any

import pytest

from service.orgs.nearest import NearestNames

NAMES = ["Company", "LastName", "FirstName", "NumberOfEmployees", "Ext__c", "Shoe_Size__c", "AnnualRevenue", "Id"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Compny", "Company"),
        ("company", "Company"),
        ("LASTNAM", "LastName"),
        ("NumberOfEmployee", "NumberOfEmployees"),
        ("Exd__c", "Ext__c"),
        ("ShoeSize__c", "Shoe_Size__c"),
        ("AnualRevenue", "AnnualRevenue"),
        ("Zzzzzz", ""),
        ("Co", ""),
        ("", ""),
    ],
)
def test_the_nearest_name(name, nearest):
    """A misspelt name finds the right one, and one that is like none finds none."""
    assert nearest == NearestNames(NAMES).find(name)


def test_thousands_of_misspelt_names_take_little(monkeypatch):
    """A caller who misspells ever new names holds up nobody, and takes no memory without end."""
    names = NearestNames(f"Field_{number}__c" for number in range(800))
    compared: list[int] = []
    get_close_matches = difflib.get_close_matches

    def noted(word: str, possibilities: Sequence[str], **how: Any) -> list[str]:
        compared.append(len(possibilities))
        return get_close_matches(word, possibilities, **how)

    monkeypatch.setattr("service.orgs.nearest.difflib.get_close_matches", noted)

    found = [names.find(f"Feild_{number}__c") for number in range(2000)]

    assert 2000 == len(found) == len(compared)
    assert max(compared) <= 24
    assert len(names._found) <= 1024
