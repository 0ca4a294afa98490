"""The resources of the emulated API, one module for each family."""

from service.emulator.exchange import OrgCall
from service.emulator.routes import bulk_ingest, collections, describe, limits, query, sobjects, versions
from service.emulator.routing import Router


def org_router(ingest: bulk_ingest.IngestRoutes) -> Router[OrgCall]:
    """Return the resources below `/services/data/vXX.X/`.

    Args:
        ingest: The bulk resources, which need to start tasks.

    """
    router: Router[OrgCall] = Router()
    versions.add_to(router)
    limits.add_to(router)
    query.add_to(router)
    collections.add_to(router)
    ingest.add_to(router)
    describe.add_to(router)
    sobjects.add_to(router)  # last: its patterns are the widest
    return router


__all__ = ["org_router"]
