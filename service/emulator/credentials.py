"""What a client needs to call one emulated org."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything a Salesforce administrator would hand out for one org; secrets stay out of its repr."""

    login_url: str
    """Base URL of the OAuth and SOAP login endpoints. The emulator's host counts as a "My Domain" host."""
    instance_url: str
    """Base URL of the data endpoints; the same host as `login_url`."""
    org_id: str
    """18 characters."""
    client_id: str
    """The connected app's consumer key."""
    username: str
    """The administrator, and the user the client-credentials flow runs as."""
    client_secret: str = field(repr=False)
    """The connected app's consumer secret."""
    password: str = field(repr=False)
    security_token: str = field(repr=False)
    """May follow the password, as Salesforce wants it from unknown networks; the emulator takes both forms."""
    access_token: str = field(repr=False)
    """A session that is open already; it ends like any other when idle."""
    refresh_token: str = field(repr=False)
    """An approval that was given already, with all scopes."""
    private_key_file: Path
    """PEM key for the JWT bearer flow; its public half is registered with the connected app."""
    certificate_file: Path | None
    """The root a client has to trust; None when the emulator speaks plain HTTP."""
    name: str = ""
    """What the org is called in fault rules and files; empty unless chosen."""
