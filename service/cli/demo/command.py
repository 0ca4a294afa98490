"""The command `sluicegate demo`."""

import typer
from rich.console import Console
from rich.text import Text
from sluicegate import SluicegateError

from service.cli.demo.process import ServiceFailed, running_service
from service.cli.demo.summary import print_summary
from service.cli.demo.tour import run
from service.cli.running import run as run_loop


def command() -> None:
    """Start the service with its embedded org, use it for real, and check what happened. Exit 0 if all checks hold."""
    try:
        run_loop(_demo(Console(highlight=False, soft_wrap=False)))
    except (ServiceFailed, SluicegateError) as error:
        typer.echo(f"The demo stopped: {error}", err=True)
        raise typer.Exit(1) from None


async def _demo(console: Console) -> None:
    console.print(Text("Sluicegate: a service between backend teams and Salesforce", style="bold"))
    async with running_service() as service:
        console.print(
            f"   gRPC on {service.grpc}, started in {service.seconds_to_start:.1f} s\n"
            f"   embedded Salesforce org on {service.emulator}, empty; links on {service.links}"
        )
        findings = await run(service.grpc, console, link_server=service.links)
    findings.check("the service stops cleanly on SIGTERM", 0, service.exit_status)
    print_summary(console, findings)
    if findings.broken:
        raise typer.Exit(1)
