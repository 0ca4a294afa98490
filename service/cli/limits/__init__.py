"""`sluicegate limits`: how an org's API calls stand, who uses them, and when they will be used up."""

from service.cli.limits.command import command

__all__ = ["command"]
