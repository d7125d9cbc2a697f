"""Whatever a story does, in the end the books agree with its rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services import books
from tests.world import World


@pytest.fixture
def world(world: World) -> Iterator[World]:
    yield world
    assert books.books_agree_with_the_rows(world) + books.holdings_agree_with_the_postings(world) == []
