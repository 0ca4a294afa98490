"""SOQL answered from SQLite: names resolved against the schema, conditions and shapes as Salesforce has them."""

from service.emulator.engine.run import QueryResult, run

__all__ = ["QueryResult", "run"]
