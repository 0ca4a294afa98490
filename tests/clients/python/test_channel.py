"""What is repeated is what the contract declares repeatable."""

import json
from importlib import import_module
from pathlib import Path

import sluicegate
from sluicegate.channel import SERVICES, service_config


def test_services():
    """Every service of the contract is covered."""
    folder = Path(sluicegate.__path__[0]) / "v1"
    modules = [import_module(f"sluicegate.v1.{path.stem}") for path in sorted(folder.glob("*_service_pb2.py"))]

    expected = {service for module in modules for service in module.DESCRIPTOR.services_by_name.values()}
    assert expected == set(SERVICES)


def test_retries():
    """Only methods that are idempotent or without side effects are repeated, and only when nothing was done."""
    config = json.loads(service_config())

    (method_config,) = config["methodConfig"]
    names = {f"{name['service'].removeprefix('sluicegate.v1.')}/{name['method']}" for name in method_config["name"]}
    expected = {
        "BulkService/CancelBulkLoad",
        "BulkService/CommitBulkLoad",
        "BulkService/GetBulkLoad",
        "BulkService/ListBulkLoadResults",
        "BulkService/PlanBulkLoads",
        "BulkService/StartBulkLoad",
        "BulkService/UploadBulkLoadPart",
        "BulkService/WatchBulkLoad",
        "DeepLinkService/CreateDeepLink",
        "DeepLinkService/CreateDeepLinks",
        "DeepLinkService/ResolveDeepLink",
        "OrgService/GetLimits",
        "OrgService/WatchLimits",
        "QueryService/ExplainQuery",
        "QueryService/Query",
        "RecordService/DeleteRecord",
        "RecordService/GetRecord",
        "RecordService/UpdateRecord",
        "RecordService/UpsertRecord",
    }
    assert expected == names
    assert method_config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert method_config["retryPolicy"]["maxAttempts"] == 3


def test_throttle_and_balancing():
    """Repeats stop in an outage, and calls go to every replica in turn."""
    config = json.loads(service_config())

    assert config["retryThrottling"] == {"maxTokens": 100, "tokenRatio": 0.1}
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
