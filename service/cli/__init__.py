"""The `sluicegate` command."""

import typer

from service.cli import call, config, demo, emulate, serve

app = typer.Typer(
    name="sluicegate",
    help="A gRPC service between backend teams and Salesforce.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.command)
app.command("emulate")(emulate.command)
app.command("call")(call.command)
app.command("demo")(demo.command)
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line."""
    app()


__all__ = ["app", "main"]
