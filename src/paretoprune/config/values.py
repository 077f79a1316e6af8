"""Annotated types for the numbers in settings, with limits and units."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from paretoprune.config.parsing import (
    parse_count,
    parse_milliseconds,
    parse_percent,
    parse_seconds,
    parse_share,
)

finite = ConfigDict(allow_inf_nan=False)
# Of every settings class: unknown names are errors.
strict = ConfigDict(extra="forbid", allow_inf_nan=False)

Count = Annotated[float, Field(gt=0), BeforeValidator(parse_count)]
Seconds = Annotated[float, Field(gt=0), BeforeValidator(parse_seconds)]
Milliseconds = Annotated[float, Field(gt=0), BeforeValidator(parse_milliseconds)]
# Of the dense model's value.
Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(parse_share)]
# Of a group's channels, to remove.
Ratio = Annotated[float, Field(ge=0, lt=1), BeforeValidator(parse_share)]
# Of accuracy, in percentage points.
Drop = Annotated[float, Field(ge=0, le=100), BeforeValidator(parse_percent)]
Percent = Annotated[float, Field(ge=0, le=100), BeforeValidator(parse_percent)]
Positive = Annotated[int, Field(ge=1)]
Several = Annotated[int, Field(ge=2)]
Index = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(ge=1)]
MeanBits = Annotated[float, Field(ge=2, le=8)]  # of a weight
Amount = Annotated[float, Field(ge=0)]
Strength = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, lt=1)]
PositiveProbability = Annotated[float, Field(gt=0, lt=1)]


def check_device(value: object) -> object:
    """Raises ValueError for a numbered device, as a process sees the one that it is given, and for
    other names of a GPU."""
    kind, _, number = str(value).partition(":")
    if kind == "cuda" and number.isdigit():
        raise ValueError(
            f"`device={value}` must be auto, cpu or cuda; choose the card by the environment: "
            f"CUDA_VISIBLE_DEVICES={number}, with `device=cuda`"
        )
    if kind.lower() == "gpu":
        raise ValueError(f"`device={value}` must be auto, cpu or cuda; did you mean `device=cuda`?")
    return value
