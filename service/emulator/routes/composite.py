"""Composite: up to 25 subrequests that may refer to each other, in one API call.

Source: Salesforce REST API, "Composite". A call that is understood is answered 200 whatever became of its subrequests.
"""

from service.emulator.composition import BELOW, Composition, Node
from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.json_text import parse_object
from service.emulator.routes.composite_order import flag_in, list_in, read_nodes, too_many
from service.emulator.routes.job_order import refuse_unknown_keys
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequests, target_of

MAXIMUM_SUBREQUESTS = 25
MAXIMUM_COLLECTIONS_AND_QUERIES = 5

_KEYS = frozenset({"allOrNone", "collateSubrequests", "compositeRequest"})


class CompositeRoutes:
    """The composite resource.

    Args:
        subrequests: Answers what a call asks for.

    """

    def __init__(self, subrequests: Subrequests) -> None:
        self._subrequests = subrequests

    def add_to(self, router: Router[OrgCall]) -> None:
        """Add the composite resource."""
        router.add("composite", get=_resources, post=self._run)

    async def _run(self, call: OrgCall) -> Answer:
        body = parse_object(await call.body.read())
        refuse_unknown_keys(body, _KEYS)
        all_or_none = flag_in(body, "allOrNone", default=False)
        # Subrequests run in their order, which both values of the flag allow.
        flag_in(body, "collateSubrequests", default=True)
        entries = list_in(body, "compositeRequest")
        if len(entries) > MAXIMUM_SUBREQUESTS:
            raise too_many(f"A composite request may have at most {MAXIMUM_SUBREQUESTS} subrequests")
        nodes = read_nodes(entries)
        if sum(map(_is_collection_or_query, nodes)) > MAXIMUM_COLLECTIONS_AND_QUERIES:
            text = f"At most {MAXIMUM_COLLECTIONS_AND_QUERIES} subrequests may be sObject Collections or queries"
            raise too_many(text)
        composition = Composition(self._subrequests, call, queries=True)
        results = composition.all_or_none(nodes)[0] if all_or_none else await composition.one_by_one(nodes)
        return Answer(value={"compositeResponse": results})


async def _resources(call: OrgCall) -> Answer:
    names = ("batch", "graph", "sobjects", "tree")
    return Answer(value={name: f"{call.base}/composite/{name}" for name in names})


def _is_collection_or_query(node: Node) -> bool:
    try:
        return target_of(node.url, below=BELOW).is_collection_or_query
    except SalesforceFault:
        return False  # a URL elsewhere is refused when its turn comes
