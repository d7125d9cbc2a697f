"""The log of what operators did: one row in the commit of each act, and one for each that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, insert, select

from portal import runtime
from portal.db.session import atomic, db
from portal.domain.act import Act
from portal.domain.errors import AlreadyDone
from portal.domain.ids import new_id
from portal.models.activity import ActivityRow

DONE = "done"
Facts = Mapping[str, object]


def refuse_repeat(act: Act) -> None:
    """Inside the caller's transaction, under its lock: the same form came before. Raises AlreadyDone."""
    if db.session.scalar(select(exists().where(ActivityRow.id == act.id))):
        raise AlreadyDone("this form was sent before")


def log(
    act: Act, what: str, kind: str, subject_id: object, *, user_id: str | None = None, before: Facts, after: Facts
) -> None:
    """Inside the caller's transaction."""
    _write(act.id, act, what, DONE, kind, subject_id, user_id, before, after)


def log_refusal(act: Act, what: str, error_id: str, kind: str, subject_id: object, user_id: str | None) -> None:
    """In a transaction of its own; the act's id stays free, so that the form can be sent again."""
    with atomic():
        _write(new_id(runtime.clock.now()), act, what, error_id, kind, subject_id, user_id, {}, {})


def _write(
    row_id: UUID,
    act: Act,
    what: str,
    outcome: str,
    kind: str,
    subject_id: object,
    user_id: str | None,
    before: Facts,
    after: Facts,
) -> None:
    db.session.execute(
        insert(ActivityRow).values(
            id=row_id,
            at=runtime.clock.now(),
            operator=act.operator,
            act=what,
            outcome=outcome,
            kind=kind,
            subject_id=str(subject_id),
            user_id=user_id,
            reason=act.reason,
            note=act.note,
            before={name: _plain(value) for name, value in before.items()},
            after={name: _plain(value) for name, value in after.items()},
            request_id=act.request_id,
            address=act.address,
        )
    )


def _plain(value: object) -> object:
    """As JSON keeps it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | bool | list | tuple | dict | None) else str(value)
