"""The settings: a YAML file named by SLUICEGATE_CONFIG, overridden by SLUICEGATE_… variables, checked before start."""

from service.settings.governor import CallerSettings, CallerShareSettings, GovernorSettings
from service.settings.link_server import AndroidAppSettings, AppleAppSettings, LinkServerSettings
from service.settings.links import FirebaseSettings, LinkProviderSettings, LinkSettings, OldAddressSettings
from service.settings.reading import CONFIG_VARIABLE, SettingsError, load
from service.settings.sections import (
    PREFIX,
    AdminSettings,
    ClientCredentialsAuth,
    EmulatorSettings,
    GrpcSettings,
    JwtBearerAuth,
    LoadSettings,
    OrgSettings,
    QuerySettings,
    Settings,
    SharedStoreSettings,
    SpoolSettings,
    TelemetrySettings,
    WriteSettings,
)

__all__ = [
    "CONFIG_VARIABLE",
    "PREFIX",
    "AdminSettings",
    "AndroidAppSettings",
    "AppleAppSettings",
    "CallerSettings",
    "CallerShareSettings",
    "ClientCredentialsAuth",
    "EmulatorSettings",
    "FirebaseSettings",
    "GovernorSettings",
    "GrpcSettings",
    "JwtBearerAuth",
    "LinkProviderSettings",
    "LinkServerSettings",
    "LinkSettings",
    "LoadSettings",
    "OldAddressSettings",
    "OrgSettings",
    "QuerySettings",
    "Settings",
    "SettingsError",
    "SharedStoreSettings",
    "SpoolSettings",
    "TelemetrySettings",
    "WriteSettings",
    "load",
]
