from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.stripe.shop import Shop
from tests.stripe_wire.server import in_process


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """In this process: quick, and nobody waits for silence."""
    with in_process(tmp_path, largest_page=2) as stripe:
        yield Shop(stripe)
