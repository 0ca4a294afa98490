"""The `sluicegate` command."""

import gc
import os
import signal
import sys
from collections.abc import Collection
from importlib import import_module

TYPE_CHECKING = False
"""What the module `typing` has by that name, whose import would be half of the time before Ctrl-C is minded."""
if TYPE_CHECKING:
    import typer

_INTERRUPTED = 130
_COMMANDS = ("serve", "emulate", "call", "query", "limits", "demo")
_GROUPS = ("bulk", "link", "config")


def application(names: Collection[str] = (*_COMMANDS, *_GROUPS)) -> "typer.Typer":
    """Return the command line with some of its commands.

    Args:
        names: The commands it needs. Only their modules are imported: an org that starts has no use for gRPC.

    """
    import typer  # noqa: PLC0415 - only once `main` has said what Ctrl-C does meanwhile

    app = typer.Typer(
        name="sluicegate",
        help="A gRPC service between backend teams and Salesforce.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # With a single command typer would take its name for an argument.
    app.callback()(lambda: None)
    for name in names:
        module = import_module(f"service.cli.{name}")
        if name in _GROUPS:
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def main() -> None:
    """Run the command line."""
    # A process that was told to ignore Ctrl-C goes on to.
    is_stopped = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_stopped:
        signal.signal(signal.SIGINT, _leave)
    wanted = [name for name in sys.argv[1:2] if name in {*_COMMANDS, *_GROUPS}]
    # Modules live as long as the process: looking for garbage among them again and again takes an eighth of the start.
    gc.disable()
    command = application(wanted or (*_COMMANDS, *_GROUPS))
    gc.freeze()
    gc.enable()
    if is_stopped:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


def _leave(_number: int, _frame: object) -> None:
    """End at once: nothing is to be put in order while modules are imported, and an exception would be shown."""
    os._exit(_INTERRUPTED)


__all__ = ["application", "main"]
