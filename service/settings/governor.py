"""The settings of what may be asked of an org: reserves, bounds, and callers' shares."""

import itertools
from typing import Annotated, Self

from pydantic import Field, model_validator

from service.settings.section import Section

CallerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]

_LEAST_WEIGHT, _MOST_WEIGHT = 0.001, 1_000
"""Sums of weights far apart would lose the smaller ones, and with them whose turn it is."""
_MOST_CALLS = 1_000_000_000_000
"""What no org has, and floating-point numbers hold exactly."""
_MOST_REQUESTS = 10_000


class CallerSettings(Section):
    """One caller, for all orgs."""

    weight: float = Field(
        1,
        ge=_LEAST_WEIGHT,
        le=_MOST_WEIGHT,
        description="The caller's share of what is scarce, relative to others'; callers that are not named have 1",
    )


class CallerShareSettings(Section):
    """One caller's share of one org."""

    weight: float | None = Field(
        None,
        ge=_LEAST_WEIGHT,
        le=_MOST_WEIGHT,
        description="The caller's weight in this org. Empty: as in `callers`",
    )
    daily_calls: int | None = Field(
        None,
        ge=1,
        le=_MOST_CALLS,
        description="Most API calls that the caller makes in 24 hours. Empty: no bound of its own",
    )


class GovernorSettings(Section):
    """What may be asked of one org, and by whom."""

    stop_batch_at: float = Field(
        0.70, gt=0, le=1, description="Share of the org's API calls of 24 hours from which BATCH calls are refused"
    )
    stop_standard_at: float = Field(0.85, gt=0, le=1, description="The same for STANDARD calls")
    stop_interactive_at: float = Field(0.97, gt=0, le=1, description="The same for INTERACTIVE calls")
    daily_calls: int | None = Field(
        None,
        ge=1,
        le=_MOST_CALLS,
        description="Most API calls that the service makes in 24 hours. Empty: what the org allows",
    )
    long_running_limit: int = Field(
        25,
        ge=1,
        le=_MOST_REQUESTS,
        description="Requests of 20 seconds or more that the org lets be open; 5 in Developer Edition and trials",
    )
    long_running_headroom: int | None = Field(
        None,
        ge=0,
        description="How many of them are left to INTERACTIVE calls and to the org's other clients. Empty: a fifth",
    )
    max_in_flight: int = Field(
        64,
        ge=1,
        le=_MOST_REQUESTS,
        description="Most requests to the org that are open at a time; never more than `max_connections`",
    )
    longest_hold_seconds: float = Field(
        5, ge=0, le=60, description="How long calls that are not full are held back when calls are dearest"
    )
    max_replicas: int = Field(
        10,
        ge=1,
        description="Most replicas of the service that run at a time; sizes what each may use while `shared_store` is "
        "away",
    )
    shadow: bool = Field(False, description="Only count what would be refused or held back")
    callers: dict[CallerName, CallerShareSettings] = Field(
        default_factory=dict, description="What callers may use of the org, by their names in `callers`"
    )

    @model_validator(mode="after")
    def _reserves_ascend(self) -> Self:
        stops = ("stop_batch_at", "stop_standard_at", "stop_interactive_at")
        for lower, upper in itertools.pairwise(stops):
            below, above = getattr(self, lower), getattr(self, upper)
            if below > above:
                raise ValueError(f"{lower} ({below}) must not be above {upper} ({above}): the more urgent stops last")
        return self

    @model_validator(mode="after")
    def _headroom_leaves_slots(self) -> Self:
        limit, headroom = self.long_running_limit, self.long_running_headroom
        if headroom is not None and headroom >= limit:
            raise ValueError(
                f"long_running_headroom ({headroom}) must be below long_running_limit ({limit}), "
                "or no STANDARD or BATCH call could ever run"
            )
        return self
