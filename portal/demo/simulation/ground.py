"""Where a simulated cinema stands: a directory and a database of its own, thrown away afterwards."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from flask_migrate import upgrade
from sqlalchemy import create_engine, make_url, text

from portal.app import create_app
from portal.config import Settings
from portal.db.session import db
from portal.demo.auth import keys

IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file system, where there is one; the directory in it is ours alone
NO_LIMIT: Final = 1_000_000_000  # what takes a simulation a second takes people an hour


class Ground:
    """On SQLite, or on the PostgreSQL server of `server`, whose role may create databases.

    The first one of a process migrates a database; the others copy it.
    """

    def __init__(self, server: str | None = None) -> None:
        self._server = server
        self._folder: Path | None = None
        self._template: Path | None = None
        self._names: list[str] = []

    def settings(self) -> Settings:
        """Of the life that is lived now."""
        return self._settings(self._home, self._url)

    def __enter__(self) -> Self:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="matinee-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
            self._template = self._folder / "template"
            self._make_template(self._template)
        assert self._template is not None  # noqa: S101 - made with the folder
        self._home = self._folder / uuid4().hex
        shutil.copytree(self._template, self._home)
        self._url = self._copied(self._names[0]) if self._names else f"sqlite:///{self._home / 'portal.db'}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        shutil.rmtree(self._home)
        if len(self._names) > 1:
            self._command(f"DROP DATABASE {self._names.pop()} WITH (FORCE)")

    def close(self) -> None:
        """Nothing is left of it."""
        while self._names:
            self._command(f"DROP DATABASE {self._names.pop()} WITH (FORCE)")
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def _make_template(self, home: Path) -> None:
        home.mkdir()
        keys.ensure(home)
        url = self._new("") if self._server else f"sqlite:///{home / 'portal.db'}"
        app = create_app(self._settings(home, url))
        with app.app_context():
            upgrade()
            if not self._server:
                db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            db.session.remove()
            db.engine.dispose()
        app.extensions["matinee_sandbox"].book.close()
        for left in (*home.glob("*.db-*"), *home.glob("sandbox.db"), *home.glob("auth.db")):
            left.unlink()

    def _copied(self, template: str) -> str:
        return self._new(f"TEMPLATE {template}")

    def _new(self, how: str) -> str:
        name = f"matinee_simulated_{uuid4().hex[:12]}"
        self._command(f"CREATE DATABASE {name} {how}")
        self._command(f"ALTER DATABASE {name} SET synchronous_commit = off")  # processes die here, the server does not
        self._names.append(name)
        return make_url(self._server or "").set(database=name).render_as_string(hide_password=False)

    def _command(self, statement: str) -> None:
        engine = create_engine(self._server or "", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    @staticmethod
    def _settings(home: Path, url: str) -> Settings:
        return Settings(
            _env_file=None,
            app_env="test",
            data_dir=home,
            database_url=url,
            public_url="http://portal.test",
            billing_timezone="Europe/Moscow",
            writes_per_minute=NO_LIMIT,
            calls_per_minute=NO_LIMIT,
        )
