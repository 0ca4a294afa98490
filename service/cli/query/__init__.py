"""`sluicegate query`: a query's rows as a table, CSV or JSON, for people and shells."""

from service.cli.query.command import command

__all__ = ["command"]
