"""`sluicegate demo`: the service and its embedded org, used for real, with what happened printed and checked."""

from service.cli.demo.command import command
from service.cli.demo.tour import run

__all__ = ["command", "run"]
