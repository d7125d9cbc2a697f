from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.sandbox.shop import Shop, on_postgresql, on_sqlite


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with on_sqlite(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def shop_on_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with on_sqlite(tmp_path) if request.param == "sqlite" else on_postgresql() as opened:
        yield opened
