"""Whatever is set up twice in a process has one effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.services.promise import assert_kept
from tests.world import World


@pytest.mark.fault("C5")
def test_two_applications_of_one_process_do_everything_once(
    make_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world, another = make_world(), make_world()
    another.seed()
    world.bought("alice")
    world.pass_time(timedelta(days=31))
    assert len(world.sandbox.book.charges()) == 2
    assert [row["n"] for row in world.rows("SELECT count(*) AS n FROM outbox GROUP BY version")] == [1, 1]
    assert len(world.auth.sent) == 2
    with caplog.at_level("INFO"):
        caplog.clear()
        assert world.sign_in("alice").get("/plans").status_code == 200
    assert sum("GET /api/v1/plans" in line for line in caplog.messages) == 1
    assert_kept(world)
