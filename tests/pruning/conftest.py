"""The small networks as fixtures."""

from __future__ import annotations

import pytest

from tests.kits import networks
from tests.kits.cases import Case, make_case


@pytest.fixture(params=sorted(networks.PRUNABLE))
def case(request: pytest.FixtureRequest) -> Case:
    """Every network in turn."""
    return make_case(request.param)


@pytest.fixture
def resnet() -> Case:
    return make_case("resnet")


@pytest.fixture
def vgg() -> Case:
    return make_case("vgg")
