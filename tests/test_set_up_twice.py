"""What is set up twice in one process happens once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from portal.jobs import JOBS
from tests.services.promise import assert_kept
from tests.world import World

ROOT = Path(__file__).parents[1]
IMPORTED_TWICE = """
import importlib, json, tasks
tasks = importlib.reload(tasks)
print(json.dumps([task.name for task in tasks.huey._registry.periodic_tasks]))
"""


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.mark.fault("C5")
def test_two_applications_charge_tell_and_log_once(
    make_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world, another = make_world(), make_world()
    another.seed()
    world.bought("alice")
    world.pass_time(timedelta(days=31))
    assert len(world.sandbox.book.charges()) == 2
    assert [json.loads(message.body)["data"]["version"] for message in world.auth.sent] == [1, 2]
    with caplog.at_level("INFO"):
        caplog.clear()
        assert world.sign_in("alice").get("/plans").status_code == 200
    assert [line for line in caplog.messages if "/api/v1/plans" in line] == ["GET /api/v1/plans 200"]
    assert_kept(world)


@pytest.mark.fault("C5")
def test_the_worker_knows_each_job_once(world: World, tmp_path: Path) -> None:
    given = {"app_env": "test", "data_dir": tmp_path, "database_url": world.settings.database}
    settings = {name.upper(): str(value) for name, value in given.items()}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED_TWICE],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert sorted(json.loads(done.stdout)) == sorted(["beat", *(job.name for job in JOBS)])
