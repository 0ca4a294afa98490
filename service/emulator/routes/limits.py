"""The limits resource: what the org may use and what is left of it."""

from service.emulator.editions import Edition
from service.emulator.exchange import Answer, OrgCall
from service.emulator.routing import Router
from service.emulator.tenants import Tenant

# What the emulator never uses up and every edition has; several of the figures are unverified.
_UNTOUCHED = {
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyDurableGenericStreamingApiEvents": 200_000,
    "DailyDurableStreamingApiEvents": 200_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyStandardVolumePlatformEvents": 25_000,
    "DailyStreamingApiEvents": 200_000,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyPublishedStandardVolumePlatformEvents": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "SingleEmail": 5_000,
}


def limits_of(tenant: Tenant) -> dict[str, object]:
    """Return the body of `/limits`. Source: Salesforce REST API, "Limits".

    Args:
        tenant: The org; its API requests, bulk batches and query jobs are counted, all else is untouched.

    """
    untouched = _UNTOUCHED | _of_edition(tenant.edition)
    limits: dict[str, object] = {name: _limit(maximum, maximum) for name, maximum in untouched.items()}
    limits["PermissionSets"] = {**_limit(1500, 1500), "CreateCustom": _limit(1000, 1000)}
    for name, allocation in (
        ("DailyApiRequests", tenant.allocation.requests),
        ("DailyBulkApiBatches", tenant.allocation.bulk_batches),
        ("DailyBulkV2QueryJobs", tenant.allocation.query_jobs),
    ):
        limits[name] = _limit(allocation.maximum, allocation.remaining)
    return dict(sorted(limits.items()))


def add_to(router: Router[OrgCall]) -> None:
    """Add the limits resources."""
    router.add("limits", get=_limits)
    router.add("limits/recordCount", get=_record_count)


async def _limits(call: OrgCall) -> Answer:
    return Answer(value=limits_of(call.tenant))


async def _record_count(call: OrgCall) -> Answer:
    # Objects the org does not know are left out, as recorded answers show.
    org = call.tenant.org
    asked = [name.strip() for name in call.query.get("sObjects", "").split(",") if name.strip()]
    known = [org.schema.sobject(name) for name in asked] if asked else list(org.schema.sobjects)
    counts: list[dict[str, object]] = [
        {"count": org.count(sobject.name), "name": sobject.name} for sobject in known if sobject is not None
    ]
    return Answer(value={"sObjects": counts})


def _of_edition(edition: Edition) -> dict[str, int]:
    return {
        "DailyDeliveredPlatformEvents": edition.delivered_events,
        "DataStorageMB": edition.data_storage_mb,
        "DurableStreamingApiConcurrentClients": edition.streaming_clients,
        "FileStorageMB": edition.file_storage_mb,
        "HourlyPublishedPlatformEvents": edition.published_events,
        "StreamingApiConcurrentClients": edition.streaming_clients,
    }


def _limit(maximum: int, remaining: int) -> dict[str, int]:
    return {"Max": maximum, "Remaining": remaining}
