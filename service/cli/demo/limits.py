"""The org's limits."""

from service.cli.demo.stage import Stage


async def limits(stage: Stage) -> None:
    """Tell how much of the day's API calls is used, and compare it with what the steps cost."""
    async with stage.step("Limits", "Ask for the limits that are left") as step:
        told = await stage.client.get_limits()
    step.records = len(told.limits)
    api = told.api_requests
    stage.say(f"API calls of the last 24 hours: {api.used:,} used, {api.remaining:,} of {api.maximum:,} left.")
    stage.findings.check("the API calls used are known", True, 0 < api.used <= api.maximum)
    stage.findings.check("used and left add up to the allocation", api.maximum, api.used + api.remaining)
