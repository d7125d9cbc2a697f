"""The worker: huey only wakes jobs. What is due stands in the database, so a lost queue costs time and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from huey import Huey, RedisHuey, crontab

from portal import logs, starting
from portal.app import create_app
from portal.config import Settings
from portal.jobs import JOBS, Job
from portal.services import heartbeat
from portal.services.clock import somebody_travels
from portal.services.job_runs import record
from tasks.storage import LosableStorage

app = create_app()
with app.app_context():
    starting.begin()


def _queue(settings: Settings) -> Huey:
    url = settings.queue
    if url.startswith("redis"):
        return RedisHuey("matinee", url=url)
    return Huey("matinee", storage_class=LosableStorage, filename=urlsplit(url).path)


huey = _queue(app.extensions["matinee"].settings)


def _schedule(job: Job) -> Callable[[object], bool]:
    """Huey looks once a minute; a job that is due less often names its minutes."""
    minutes = int(job.every.total_seconds() // 60)
    when: Callable[[object], bool] = crontab(minute="*" if minutes <= 1 else f"*/{min(minutes, 59)}")
    return when


def _wake(job: Job) -> Callable[[], int]:
    """A run that takes longer than a minute is not joined by the next one, and holds up no other job.

    While somebody travels through time, they do the work themselves.
    """
    running = threading.Lock()

    def run() -> int:
        if not running.acquire(blocking=False):
            return 0
        try:
            with app.app_context():
                return 0 if somebody_travels() else record(job.name, job.run_once)
        finally:
            running.release()

    run.__name__ = job.name
    return run


for job in JOBS:
    huey.periodic_task(_schedule(job), name=job.name)(_wake(job))


@huey.on_startup(name="logs")  # type: ignore[untyped-decorator]  # huey ships no types
def _started() -> None:
    logs.setup()
    heartbeat.of_this_process("worker")
    _beat()


@huey.periodic_task(crontab(minute="*"), name="beat")  # type: ignore[untyped-decorator]  # huey ships no types
def _beat() -> None:
    with app.app_context():
        heartbeat.beat("worker")
