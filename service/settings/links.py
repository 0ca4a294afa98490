"""The settings of deep links."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from service.settings.section import Section
from service.settings.signing_key import MIN_SECRET_BYTES


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes")
    return secret


def _none_if_empty(value: object) -> object:
    """Take an empty variable for none; as a path it would be the working directory."""
    return value or None


KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
SigningSecret = Annotated[SecretStr, AfterValidator(_long_enough)]
ProviderName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,63}$")]
HostName = Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", max_length=253)]


class ShortLinkSettings(Section):
    """How a provider's links are shortened by its own API."""

    kind: Literal["", "branch", "onelink", "adjust"] = Field(
        "", description="Whose API: `branch`, `onelink` or `adjust`. Empty: the provider's links have no short form"
    )
    key_file: Annotated[Path | None, BeforeValidator(_none_if_empty)] = Field(
        None, description="File that holds the API's key, read anew for each link"
    )
    hosts: tuple[HostName, ...] = Field(
        (), description="Hosts that short links may have. Empty: the link domain that `account` names"
    )
    api: str = Field(
        "",
        pattern=r"^(https://[a-z0-9.-]+(:[0-9]{1,5})?)?$",
        description="The API's https origin. Empty: the one that the provider documents",
    )
    ca_file: Annotated[Path | None, BeforeValidator(_none_if_empty)] = Field(
        None, description="Further certificate authorities to trust, PEM"
    )
    on_failure: Literal["refuse", "long"] = Field(
        "refuse", description="Without a short link: `refuse` the request, or give the `long` link alone and say why"
    )
    timeout_seconds: float = Field(5, gt=0, le=60, description="Bound on one of at most two attempts")
    max_in_flight: int = Field(8, ge=1, le=64, description="Most requests to the API that are open at a time")


class LinkProviderSettings(Section):
    """What a provider's links open."""

    kinds: tuple[str, ...] = Field(
        (),
        description="Kinds whose templates it takes: `app_links`, `custom_scheme`, `app_store`, `play_store`, "
        "`branch`, `onelink`, `adjust`, `web`",
    )
    account: dict[str, str] = Field(
        default_factory=dict, description="What its kinds must know: `host`, `package`, `branch_host`, …"
    )
    app_link: str = Field("", description="https link that the app claims")
    provider_link: str = Field("", description="https link of a service that goes on to app, store or web by itself")
    app_scheme: str = Field("", description="Link in the app's own scheme")
    store_ios: str = Field("", description="App Store page")
    store_android: str = Field("", description="Play Store page")
    web: str = Field("", description="Web page of the record")
    gone: str = Field("", description="Web page for a record that is not there")
    lightning: str = Field("", description="Page in Salesforce, from `{lightning}/` on. Empty: the record's")
    salesforce: bool = Field(True, description="Whether the record opens in Lightning and in Salesforce's mobile app")
    min_app_version: str = Field(
        "", description="Least version of the app that understands the links, for example `4.2`"
    )
    on_ios: str = Field("", description="Provider that stands in on iOS")
    on_android: str = Field("", description="Provider that stands in on Android")
    on_web: str = Field("", description="Provider that stands in on computers")
    short: ShortLinkSettings = Field(ShortLinkSettings(), description="Short links")


class OldAddressSettings(Section):
    """Which records the addresses in old links stood for."""

    url: str = Field(description="The address, with `{id}` or `{external_id}`: `https://www.acme.com/c/{external_id}`")
    object: str = Field(description="API name of the sObject")
    external_id_field: str = Field("", description="API name of the field of `{external_id}`")


class FirebaseSettings(Section):
    """Long links of Firebase Dynamic Links, which still open the records that they stood for. They are not signed."""

    hosts: tuple[HostName, ...] = Field(
        (), description="Hosts of old Firebase links, `acme.page.link`. Empty: none are read"
    )
    patterns: dict[str, OldAddressSettings] = Field(
        default_factory=dict, description="Addresses in old Firebase links by a name of yours"
    )


class LinkSettings(Section):
    """Deep links."""

    host: str = Field(
        "https://links.example.com",
        pattern=r"^https://[a-z0-9.-]+$",
        description="Where links point: the https origin of your link host",
    )
    keys: dict[KeyId, SigningSecret] = Field(
        default_factory=dict, description="Signing keys by key id; the first signs, each verifies. Empty: made at start"
    )
    keys_dir: Annotated[Path | None, BeforeValidator(_none_if_empty)] = Field(
        None,
        description="Directory of signing keys in place of `links.keys`: a file each, named by its key id; the one "
        "that the file `current` names signs, else the last. Read anew when it changes",
    )
    default_ttl_seconds: int = Field(
        2_592_000, ge=60, description="How long a link is valid when the caller says nothing"
    )
    default_provider: ProviderName = Field("web", description="The provider of links that name none")
    default_locale: str = Field("en", description="The language of people whose own is not known")
    allowed_hosts: tuple[HostName, ...] = Field(
        (), description="Hosts that templates may lead to beside the link host. Empty: those that they name"
    )
    claim_ttl_seconds: int = Field(
        604_800, ge=60, le=7_776_000, description="How long an app may claim a link after it was followed"
    )
    claims_without_store: Literal["refuse", "memory"] = Field(
        "refuse",
        description="Without `shared_store`: `refuse` claims, or remember them in `memory`, right for one replica",
    )
    firebase: FirebaseSettings = Field(FirebaseSettings(), description="Old links")
    providers: dict[ProviderName, LinkProviderSettings] = Field(
        default_factory=dict, description="Providers by name. Empty: one that opens Salesforce's own pages"
    )
