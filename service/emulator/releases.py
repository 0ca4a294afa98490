"""The API versions the emulator speaks."""

_RELEASES = {
    "59.0": "Winter '24",  # what simple-salesforce asks for by itself
    "60.0": "Spring '24",
    "61.0": "Summer '24",
    "62.0": "Winter '25",
    "63.0": "Spring '25",
    "64.0": "Summer '25",
    "65.0": "Winter '26",
    "66.0": "Spring '26",
}

LATEST = "66.0"


def is_supported(version: str) -> bool:
    """Tell whether the emulator speaks a version such as `66.0`."""
    return version in _RELEASES


def list_versions() -> list[dict[str, str]]:
    """Return the answer of `/services/data/`, oldest version first."""
    return [
        {"label": label, "url": f"/services/data/v{version}", "version": version}
        for version, label in _RELEASES.items()
    ]
