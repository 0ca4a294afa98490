"""The resources of the emulated API, one module for each family."""

from service.emulator.exchange import OrgCall
from service.emulator.routes import (
    actions,
    bulk_ingest,
    bulk_query,
    collections,
    composite_tree,
    describe,
    limits,
    query,
    replication,
    search,
    sobjects,
    versions,
)
from service.emulator.routes.composite import CompositeRoutes
from service.emulator.routes.composite_batch import CompositeBatchRoutes
from service.emulator.routes.composite_graph import CompositeGraphRoutes
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequests


def org_router(
    ingest: bulk_ingest.IngestRoutes,
    queries: bulk_query.QueryJobRoutes,
    code: actions.ActionRoutes,
) -> Router[OrgCall]:
    """Return the resources below `/services/data/vXX.X/`.

    Args:
        ingest: The bulk resources that write.
        queries: The bulk resources that read.
        code: The actions of the org's own code.

    """
    router: Router[OrgCall] = Router()
    versions.add_to(router)
    limits.add_to(router)
    query.add_to(router)
    search.add_to(router)
    collections.add_to(router)
    composite_tree.add_to(router)
    for family in (CompositeRoutes, CompositeGraphRoutes, CompositeBatchRoutes):
        family(Subrequests(router)).add_to(router)
    ingest.add_to(router)
    queries.add_to(router)
    code.add_to(router)
    describe.add_to(router)
    replication.add_to(router)
    sobjects.add_to(router)  # last: its patterns are the widest
    return router


__all__ = ["org_router"]
