"""What all orgs of one schema have in common, made once: plans of the sObjects and empty tables."""

from collections.abc import Mapping

from service.emulator.plan import Plan, plans_of
from service.emulator.schema.model import Schema
from service.emulator.store import Store


class Blueprint:
    """Lets further orgs of a schema begin several times faster than the first.

    Args:
        schema: Of all these orgs.

    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.plans: Mapping[str, Plan] = plans_of(schema)
        """By canonical name; orgs only read them."""
        self._empty = Store(schema)

    def store(self) -> Store:
        """Return a store in memory with empty tables of its own."""
        return Store(self.schema, like=self._empty)

    def close(self) -> None:
        """Let go of the empty tables; stores made before stay as they are."""
        self._empty.close()
