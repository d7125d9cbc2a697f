"""Is the database what this code expects?"""

from __future__ import annotations

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import exists, select

from portal.db.session import db, end_reads
from portal.models.plan import PlanRow


def migrated() -> bool:
    """The database is at the newest migration."""
    with db.engine.connect() as connection:
        here = MigrationContext.configure(connection).get_current_heads()
    newest = ScriptDirectory(str(Path(current_app.root_path) / "migrations")).get_heads()
    return set(here) == set(newest)


def has_plans() -> bool:
    found = bool(db.session.scalar(select(exists().where(PlanRow.state == "on_sale"))))
    end_reads()
    return found
