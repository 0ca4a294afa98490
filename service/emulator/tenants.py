"""The orgs of one emulator, and which of them a request is for."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from service.emulator.allocation import Allocation
from service.emulator.cursors import Cursors
from service.emulator.editions import Edition
from service.emulator.jobs import Jobs
from service.emulator.oauth.grants import Grants
from service.emulator.org import Org
from service.emulator.query_jobs import QueryJobs
from service.emulator.row_writer import RowWriter
from service.emulator.sessions import Sessions
from service.emulator.users import Users


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """What an org knows of the one application that may log in to it."""

    client_id: str
    client_secret: str = field(repr=False)
    public_key: RSAPublicKey = field(repr=False)
    """Verifies assertions of the JWT bearer flow."""
    run_as_user_id: str
    """The user of the client-credentials flow, 18 characters."""
    redirect_uris: tuple[str, ...] = ()
    """Where authorization codes may be sent."""
    rotate_refresh_tokens: bool = False
    require_secret: bool = True
    """Whether codes and refresh tokens are only redeemed with the consumer secret."""
    require_pkce: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """One org with everything the API keeps beside its rows."""

    org: Org
    instance_url: str
    """Scheme, host and port the org is reached at."""
    app: ConnectedApp
    users: Users
    sessions: Sessions
    grants: Grants
    edition: Edition
    allocation: Allocation
    cursors: Cursors
    jobs: Jobs
    query_jobs: QueryJobs
    writer: RowWriter


class Tenants:
    """The orgs of one emulator. Nothing of one org is ever found by way of another."""

    def __init__(self) -> None:
        self._by_org_id: dict[str, Tenant] = {}
        self._by_client_id: dict[str, Tenant] = {}

    def add(self, tenant: Tenant) -> None:
        """Add an org.

        Raises:
            ValueError: Its id or consumer key is taken.

        """
        org_id, client_id = tenant.org.id[:15], tenant.app.client_id
        if org_id in self._by_org_id or client_id in self._by_client_id:
            raise ValueError("an org of this id or consumer key exists")
        self._by_org_id[org_id] = tenant
        self._by_client_id[client_id] = tenant

    def move(self, tenant: Tenant, instance_url: str) -> None:
        """Let an org be reached at another URL from now on.

        Args:
            tenant: One of these.
            instance_url: Scheme, host and port.

        """
        moved = replace(tenant, instance_url=instance_url)
        self._by_org_id[tenant.org.id[:15]] = self._by_client_id[tenant.app.client_id] = moved

    def by_token(self, token: str) -> Tenant | None:
        """Return the org whose id starts a token, whether or not the token is alive, or None."""
        return self.by_org_id(token.partition("!")[0])

    def by_org_id(self, org_id: str) -> Tenant | None:
        """Return the org of a 15- or 18-character id, or None."""
        return self._by_org_id.get(org_id[:15])

    def by_client_id(self, client_id: str) -> Tenant | None:
        """Return the org that a consumer key belongs to, or None."""
        return self._by_client_id.get(client_id)

    def __iter__(self) -> Iterator[Tenant]:
        """Walk the orgs, oldest first."""
        return iter(list(self._by_org_id.values()))

    def __len__(self) -> int:
        """Count the orgs."""
        return len(self._by_org_id)
