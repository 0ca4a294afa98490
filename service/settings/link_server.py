"""The settings of the HTTP server that people's devices follow links to, and of the apps that claim its links."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from service.settings.section import Section


def _at_least_one(items: tuple[str, ...]) -> tuple[str, ...]:
    if not items:
        raise ValueError("must hold at least one")
    return items


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("must be an address or a network, for example 10.0.0.0/8, without bits of a host") from None


ProxyNetwork = Annotated[str, AfterValidator(_network)]
AppleAppId = Annotated[str, Field(pattern=r"^[A-Z0-9]{10}(\.[A-Za-z0-9-]+)+$", max_length=255)]
AndroidPackage = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$", max_length=255)]
PathPattern = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~!&'(),;=:@%*?/-]*$", max_length=255)]
Fingerprint = Annotated[str, Field(pattern=r"^([0-9A-F]{2}:){31}[0-9A-F]{2}$")]


class AppleAppSettings(Section):
    """An app for iPhone and iPad that opens links of the link host."""

    paths: Annotated[tuple[PathPattern, ...], AfterValidator(_at_least_one)] = Field(
        ("/l",), description="Paths that open the app; `*` is any text, `?` any one character"
    )
    except_paths: tuple[PathPattern, ...] = Field((), description="Paths that do not, though `paths` names them")
    web_credentials: bool = Field(False, description="Whether the app shares the passwords of the link host's pages")


class AndroidAppSettings(Section):
    """An app for Android that opens links of the link host."""

    fingerprints: Annotated[tuple[Fingerprint, ...], AfterValidator(_at_least_one)] = Field(
        description="SHA-256 of the certificates that sign the app, 32 pairs of `0-9A-F` between colons"
    )
    web_credentials: bool = Field(False, description="Whether the app shares the passwords of the link host's pages")


class LinkServerSettings(Section):
    """The HTTP server that stands behind `links.host`."""

    enabled: bool = Field(True, description="Whether it listens")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8070, ge=0, le=65535, description="Port to listen on; 0 picks a free one")
    max_connections: int = Field(
        512, ge=1, le=100_000, description="Connections that are open at a time; beyond, the longest idle one is closed"
    )
    requests_per_second: float = Field(
        50, ge=0, le=100_000, description="Requests a second that one client address makes in the long run; 0 for any"
    )
    request_burst: int = Field(
        200, ge=1, le=1_000_000, description="Requests at once of one client address, as many people may share one"
    )
    trusted_proxies: tuple[ProxyNetwork, ...] = Field(
        (), description="Networks of proxies whose `X-Forwarded-For` tells the client's address: `10.0.0.0/8`"
    )
    apple_apps: dict[AppleAppId, AppleAppSettings] = Field(
        default_factory=dict, description="Apps in `apple-app-site-association` by team id, dot and bundle id"
    )
    app_clips: tuple[AppleAppId, ...] = Field((), description="App Clips, by team id, dot and bundle id")
    android_apps: dict[AndroidPackage, AndroidAppSettings] = Field(
        default_factory=dict, description="Apps in `assetlinks.json` by package"
    )
