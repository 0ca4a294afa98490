"""The settings: a YAML file named by SLUICEGATE_CONFIG, overridden by SLUICEGATE_… variables, checked before start."""

from service.settings.governor import CallerSettings, CallerShareSettings, GovernorSettings
from service.settings.reading import CONFIG_VARIABLE, SettingsError, load
from service.settings.sections import (
    PREFIX,
    AdminSettings,
    ClientCredentialsAuth,
    EmulatorSettings,
    GrpcSettings,
    JwtBearerAuth,
    LinkProviderSettings,
    LinkSettings,
    LoadSettings,
    OrgSettings,
    QuerySettings,
    Settings,
    SharedStoreSettings,
    TelemetrySettings,
    WriteSettings,
)

__all__ = [
    "CONFIG_VARIABLE",
    "PREFIX",
    "AdminSettings",
    "CallerSettings",
    "CallerShareSettings",
    "ClientCredentialsAuth",
    "EmulatorSettings",
    "GovernorSettings",
    "GrpcSettings",
    "JwtBearerAuth",
    "LinkProviderSettings",
    "LinkSettings",
    "LoadSettings",
    "OrgSettings",
    "QuerySettings",
    "Settings",
    "SettingsError",
    "SharedStoreSettings",
    "TelemetrySettings",
    "WriteSettings",
    "load",
]
