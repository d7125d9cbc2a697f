"""The verdict over a life that has settled: the audit, against the payment system's book and Auth as they really are.

Nothing here asks the portal: its rows, the book and Auth's store are read past it. What it logged of errors that nobody
put there, and what customers complain of, counts as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Flask
from sqlalchemy import text

from portal.audit import run, waiting
from portal.audit.ask import violations_of
from portal.audit.outside import ProviderBook
from portal.audit.violation import Audit, Limits, Violation
from portal.db import engines
from portal.db.session import db
from portal.demo.auth.store import Store
from portal.demo.simulation.house import House

STORY: Final = "SELECT seq, at, kind, event, from_state, to_state, actor, user_id FROM history ORDER BY seq"


def judge(house: House, complaints: list[str]) -> list[dict[str, Any]]:
    """One mapping for each violation."""
    found = audited(house.app, house.system.held(), _auth(house.auth.store), house.clock.now())
    stumbles = [{"invariant": "stumble", "what": one} for one in house.stumbles]
    return [*map(_told, found), *stumbles, *({"invariant": "complaint", "what": one} for one in complaints)]


def overdue(house: House, since: timedelta) -> list[dict[str, Any]]:
    """What was due so long ago and is not done, in the middle of a life: customers may mend it before its end."""
    with house.app.app_context():
        with engines.snapshot(db.engine) as connection:
            found = list(violations_of(Audit(connection, house.clock.now(), Limits(undone=since)), waiting.I25))
        db.session.remove()
    return [_told(one) for one in found]


def _told(one: Violation) -> dict[str, Any]:
    return {"invariant": one.invariant, "what": one.what, "ids": dict(one.ids)}


def audited(app: Flask, book: ProviderBook, auth: run.AuthView, now: datetime) -> list[Violation]:
    with app.app_context():
        found = list(run.violations(now=now, provider=book, auth=auth))
        db.session.remove()
    return found


def fingerprint(house: House) -> str:
    """Of everything that happened: the same for the same seed, whatever the machine."""
    with house.app.app_context():
        told = hashlib.sha256(repr([tuple(row) for row in db.session.execute(text(STORY))]).encode())
        db.session.remove()
    return told.hexdigest()[:16]


def _auth(store: Store) -> run.AuthView:
    def rights(user_id: str) -> Mapping[str, Any]:
        account = store.find(user_id)
        if account is None:
            return {}
        versions = {"version": account.version, "tokens_from_version": account.tokens_from_version}
        return {"user_id": user_id, **versions, "entitlements": account.entitlements}

    return rights
