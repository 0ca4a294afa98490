"""Where commands call the service."""

from service.cli.running import fail

HERE = "127.0.0.1:50051"
"""Unless said otherwise: `sluicegate serve` on the same machine."""


def check_target(target: str) -> None:
    """Leave with status 2 unless a target can be one: `host:port`, which a URL is not."""
    if not target or target.startswith(("http://", "https://")):
        fail(f"the target must be host:port, without a scheme, not {target!r}")
