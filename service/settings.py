"""The settings: a YAML file named by SLUICEGATE_CONFIG, overridden by SLUICEGATE_… variables, checked before start."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

PREFIX = "SLUICEGATE_"
CONFIG_VARIABLE = "SLUICEGATE_CONFIG"

_LEAST_SECRET_BYTES = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {_LEAST_SECRET_BYTES} bytes")
    return secret


OrgName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]


class SettingsError(Exception):
    """The settings cannot be used; the text names each setting at fault and the remedy."""


class Section(BaseModel):
    """A group of settings; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GrpcSettings(Section):
    """The gRPC listener."""

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface")
    port: int = Field(50051, ge=0, le=65535, description="Port to listen on; 0 picks a free one")
    max_message_bytes: int = Field(4_194_304, ge=1024, description="Largest request in bytes")
    default_deadline_seconds: float = Field(30, gt=0, description="Bound on a unary call whose caller set no deadline")
    drain_seconds: float = Field(25, ge=0, description="How long open calls may go on after SIGTERM")
    reflection: bool = Field(True, description="Serve gRPC reflection, which `buf curl` and grpcurl use")


class AdminSettings(Section):
    """The plaintext HTTP listener for health."""

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one")


class EmulatorSettings(Section):
    """The embedded org that stands in while no org is configured."""

    host: str = Field("127.0.0.1", description="Address the embedded org listens on")
    port: int = Field(8090, ge=0, le=65535, description="Port the embedded org listens on; 0 picks a free one")


class TelemetrySettings(Section):
    """Logs and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    otlp_endpoint: str = Field("", description="OTLP/gRPC collector, `http://collector:4317`; empty exports nothing")
    sample_ratio: float = Field(0.1, ge=0, le=1, description="Share of calls traced when the caller has not decided")


class LinkSettings(Section):
    """Deep links."""

    host: str = Field(
        "https://links.example.com",
        pattern=r"^https://[a-z0-9.-]+$",
        description="Where links point: the https origin of your link host",
    )
    keys: dict[KeyId, SigningKey] = Field(
        default_factory=dict, description="Signing keys by key id; the first signs, each verifies. Empty: made at start"
    )
    default_ttl_seconds: int = Field(
        2_592_000, ge=60, description="How long a link is valid when the caller says nothing"
    )
    default_provider: str = Field("web", description="The provider of links that name none")
    providers: dict[str, "LinkProviderSettings"] = Field(
        default_factory=dict, description="Providers by name. Empty: one provider `web` on the link host"
    )


class LinkProviderSettings(Section):
    """What a provider's links open; placeholders: {object} {id} {external_id} {external_id_field} {action} {query}."""

    app_link: str = Field("", description="https link that the app claims")
    app_scheme: str = Field("", description="Link in the app's own scheme")
    store_ios: str = Field("", description="App Store page")
    store_android: str = Field("", description="Play Store page")
    web: str = Field("", description="Web page of the record")


class JwtBearerAuth(Section):
    """OAuth 2.0 JWT bearer: no secret leaves the service."""

    flow: Literal["jwt_bearer"] = Field(description="`jwt_bearer` or `client_credentials`")
    client_id: str = Field(description="Consumer key of the connected app")
    username: str = Field(description="The Salesforce user to act as")
    private_key_file: Path = Field(description="PEM file of the RSA key whose certificate the connected app holds")
    audience: str = Field("", description="`aud` of the assertion; empty means login_url")


class ClientCredentialsAuth(Section):
    """OAuth 2.0 client credentials: needs a My Domain login_url."""

    flow: Literal["client_credentials"] = Field(description="`jwt_bearer` or `client_credentials`")
    client_id: str = Field(description="Consumer key of the connected app")
    client_secret_file: Path = Field(description="File that holds the consumer secret")


Auth = Annotated[JwtBearerAuth | ClientCredentialsAuth, Field(discriminator="flow")]


class OrgSettings(Section):
    """One Salesforce org."""

    login_url: str = Field(pattern=r"^https?://[^/\s]+$", description="My Domain URL, or https://login.salesforce.com")
    auth: Auth = Field(description="How to log in")
    api_version: str = Field("66.0", pattern=r"^\d{2,3}\.0$", description="Version of Salesforce's API")
    allowed_hosts: tuple[str, ...] = Field(
        (".my.salesforce.com", ".salesforce.mil"),
        description="Hosts that tokens may send the service to; a leading dot allows subdomains",
    )
    ca_file: Path | None = Field(None, description="Further certificate authorities to trust, PEM")
    request_timeout_seconds: float = Field(120, gt=0, description="Bound on one HTTP attempt")
    max_connections: int = Field(64, ge=1, description="Most connections to the org")

    @model_validator(mode="after")
    def _plain_http_only_to_this_machine(self) -> Self:
        host = self.login_url.split("://", 1)[1].rsplit(":", 1)[0]
        if self.login_url.startswith("http://") and host not in {"127.0.0.1", "localhost", "[::1]"}:
            raise ValueError("login_url must be https, except on this machine")
        return self


class Settings(BaseSettings):
    """Everything the service can be told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    grpc: GrpcSettings = GrpcSettings()
    admin: AdminSettings = AdminSettings()
    emulator: EmulatorSettings = EmulatorSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    links: LinkSettings = LinkSettings()
    token_keys: dict[KeyId, SigningKey] = Field(
        default_factory=dict,
        description="Keys of resume tokens by key id; the first signs, each verifies. Empty: made at start",
    )
    orgs: dict[OrgName, OrgSettings] = Field(
        default_factory=dict, description="Orgs by name. Empty: the embedded org, under the name `emulator`"
    )
    default_org: str = Field("", description="The org of requests that name none. Empty: the only org, if there is one")

    _file: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes each by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file, which arrives as keyword arguments."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _default_org_exists(self) -> Self:
        if self.default_org and self.default_org not in self.orgs:
            raise ValueError(f"default_org {self.default_org!r} is not among orgs: {', '.join(self.orgs) or 'none'}")
        if self.links.providers and self.links.default_provider not in self.links.providers:
            raise ValueError(f"links.default_provider {self.links.default_provider!r} is not among links.providers")
        return self


LinkSettings.model_rebuild()
Settings.model_rebuild()


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file that SLUICEGATE_CONFIG names, apply the SLUICEGATE_… variables and check the whole.

    Args:
        environment: Only its SLUICEGATE_… variables are looked at for unknown names.

    Raises:
        SettingsError: The file cannot be read, or a setting is unknown or invalid; each is named.

    """
    path = environment.get(CONFIG_VARIABLE, "")
    values = _read(Path(path)) if path else {}
    unknown = _unknown_variables(environment)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(unknown + [_explain(item, path) for item in error.errors()])) from None
    except UnreadableVariable as error:
        # Its cause holds the value.
        raise SettingsError("\n".join([*unknown, _explain_variable(error)])) from None
    if unknown:
        raise SettingsError("\n".join(unknown))
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path} must be a mapping of settings, not a {type(document).__name__}")
    # Names that begin with an underscore would tell pydantic-settings where else to read from.
    strange = [str(name) for name in document if not isinstance(name, str) or name.startswith("_")]
    if strange:
        raise SettingsError("\n".join(f"{name}: no such setting" for name in strange))
    return document


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable of ours that sets nothing; pydantic-settings would pass over it in silence."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    lines = []
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable != CONFIG_VARIABLE:
            top = variable.upper().split("__", 1)[0]
            if top not in known and not variable.startswith("SLUICEGATE_TEST_"):
                nearest = difflib.get_close_matches(top, known, n=1, cutoff=0)[0]
                lines.append(f"{variable}: no such setting; the nearest is {nearest}")
    return lines


def _explain_variable(error: UnreadableVariable) -> str:
    """Return a line for a variable that must be JSON and is not; pydantic-settings tells only the section."""
    found = re.search(r'for field "(\w+)"', str(error))
    name = f"{PREFIX}{found[1].upper()}" if found else PREFIX
    return f"{name} or a variable that begins with {name}__: must be a JSON object"


def _explain(item: Any, path: str) -> str:
    """Return one readable line for one of pydantic's findings, without the value: it may be a secret."""
    location = [str(part) for part in item["loc"]]
    name = ".".join(part for part in location if part not in {"jwt_bearer", "client_credentials"}) or (
        path or "settings"
    )
    if item["type"] == "extra_forbidden":
        known = _names_at(Settings, location[:-1])
        nearest = difflib.get_close_matches(location[-1], known, n=1, cutoff=0)
        return f"{name}: no such setting; the nearest is {'.'.join([*location[:-1], *nearest])}"
    message = item["msg"].removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]}"


def _names_at(model: Any, location: list[str]) -> list[str]:
    """Return the names of the settings inside the section at `location`."""
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[part].annotation
        elif isinstance(model, type) and issubclass(model, BaseModel):
            continue
        else:
            arguments = [argument for argument in get_args(model) if isinstance(argument, type)]
            model = next((a for a in arguments if issubclass(a, BaseModel) and _has_flow(a, part)), arguments[-1])
    return list(getattr(model, "model_fields", ()))


def _has_flow(model: type[BaseModel], flow: str) -> bool:
    return "flow" in model.model_fields and flow in get_args(model.model_fields["flow"].annotation)
