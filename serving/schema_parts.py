"""What every answer is made of, and how an example gets into its schema."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Instant = Annotated[datetime, Field(description="An instant, ISO 8601, in UTC.")]


class Answer(BaseModel):
    """Read-only once made; its fields are what programs may rely on."""

    model_config = ConfigDict(frozen=True)


def example(document: dict) -> ConfigDict:
    """Put one example into a model's schema."""
    return ConfigDict(json_schema_extra={"examples": [document]})
