"""Annotated types for the numbers in settings, with limits and units."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from paretoprune.config.parsing import parse_count, parse_seconds

strict = ConfigDict(extra="forbid")  # of every settings class: unknown names are errors

Count = Annotated[float, Field(gt=0), BeforeValidator(parse_count)]
Seconds = Annotated[float, Field(gt=0), BeforeValidator(parse_seconds)]
Share = Annotated[float, Field(gt=0, le=1)]  # of the dense model's value
Ratio = Annotated[float, Field(ge=0, lt=1)]  # of a group's channels to remove
Drop = Annotated[float, Field(ge=0, le=100)]  # of accuracy, in percentage points
Percent = Annotated[float, Field(ge=0, le=100)]
Positive = Annotated[int, Field(ge=1)]
Several = Annotated[int, Field(ge=2)]
Index = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(ge=1)]
Amount = Annotated[float, Field(ge=0)]
