"""The org's limits."""

from service.cli.demo.stage import Stage


async def limits(stage: Stage) -> None:
    """Tell how much of the day's API calls is used, and compare it with what the steps cost."""
    async with stage.step("Limits", "Ask for the limits that are left"):
        told = await stage.client.get_limits()
    api = told.api_requests
    stage.say(f"API calls of the last 24 hours: {api.used:,} used, {api.remaining:,} of {api.maximum:,} left.")
    cost = sum(step.api_calls for step in stage.findings.steps)
    stage.findings.check("the calls used cover what the steps cost", cost, min(cost, api.used))
