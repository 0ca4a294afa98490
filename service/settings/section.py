"""What every group of settings has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
