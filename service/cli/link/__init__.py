"""`sluicegate link`: make links to records, tell what they open on a device, and why."""

from service.cli.link.commands import app

__all__ = ["app"]
