"""Counting what a page costs the database."""

from __future__ import annotations

from sqlalchemy import event

from portal.db.session import db
from tests.web.cabinet.visitor import Visitor
from tests.world import World


class Statements:
    """How many statements the database is sent."""

    def __init__(self, world: World) -> None:
        self.count = 0
        with world.app.app_context():
            event.listen(db.engine, "before_cursor_execute", self._one)

    def _one(self, *_: object) -> None:
        self.count += 1

    def of(self, visitor: Visitor, path: str) -> int:
        visitor.open(path)  # the first time the keys and the clock are read as well
        self.count = 0
        assert visitor.open(path).status == 200
        return self.count
