"""The jobs and the processes: when each ran last, what came of it, and when it has something to do next."""

from __future__ import annotations

from flask_admin import expose
from flask_babel import lazy_gettext

from portal import runtime
from portal.clock import real_now
from portal.jobs import JOBS
from portal.queries.office import machinery
from portal.services import heartbeat
from portal.web.admin.screen import Screen, needs

WHAT = {
    "renew": lazy_gettext("Renews, tries again, suspends and ends what is due"),
    "janitor": lazy_gettext("Asks payment systems about what is not settled"),
    "reconcile": lazy_gettext("Compares every day what payment systems say was taken back with what is known here"),
    "expire": lazy_gettext("Closes orders and payment pages whose time is over"),
    "detach_methods": lazy_gettext("Lets payment systems forget removed cards"),
    "forget_keys": lazy_gettext("Forgets old idempotency keys"),
    "forget_quotes": lazy_gettext("Forgets quotes of plan changes that nobody used"),
    "audit": lazy_gettext("Checks every night that nothing is charged twice, lost or untold"),
    "recognise": lazy_gettext("Books what was earned, at the end of each month"),
}


class Machinery(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Jobs"), endpoint="jobs")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        now = runtime.clock.now()
        runs = machinery.job_runs()
        return self.render(
            "admin/jobs.html",
            jobs=[(job, WHAT[job.name], runs.get(job.name), job.next_due()) for job in JOBS],
            beats=machinery.heartbeats(),
            silent=heartbeat.silent(),
            ago=lambda at: int((real_now() - at).total_seconds()),
            now=now,
        )
