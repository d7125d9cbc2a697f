"""Finds the services and programs that the suite runs against, and prints them as `export` lines for a shell.

What the environment names is taken as it is; the rest is looked for at its standard local place. Exit 1 with one
sentence for the first thing that cannot be reached.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pika
import psycopg
import redis

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NODES = ("node", "nodejs")
AMQP = "amqp://guest:guest@127.0.0.1:5672/%2F"
REDIS = "redis://127.0.0.1:6379/15"  # not 0, where somebody may keep something


def candidates() -> Iterator[str]:
    """`make services` gives the first; a PostgreSQL that was here already may know one of the others."""
    yield "postgresql://matinee:matinee@127.0.0.1:5432/matinee"
    for user in (getpass.getuser(), "postgres"):
        yield f"postgresql://{user}@127.0.0.1:5432/postgres"


def may_create_databases(url: str) -> bool:
    """Every test process makes a database of its own."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            query = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            row = connection.execute(query).fetchone()
            return bool(row and row[0])
    except psycopg.OperationalError:
        return False


def add_role() -> bool:
    """A PostgreSQL that was here already lets nobody in by password until somebody adds a role; root can."""
    if os.geteuid() != 0:
        return False
    argv = [str(Path(__file__).with_name("services")), "--add-role"]
    return subprocess.run(argv, check=False).returncode == 0  # noqa: S603  # our own script


def postgresql() -> str:
    given = os.environ.get("TEST_DATABASE_URL")
    for url in [given] if given else candidates():
        if may_create_databases(url):
            return url
    if not given and add_role() and may_create_databases(ours := next(candidates())):
        return ours
    sys.exit("PostgreSQL: set TEST_DATABASE_URL to a server and a role that may create databases")


def rabbitmq() -> str:
    url = os.environ.get("TEST_AMQP_URL") or AMQP
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except pika.exceptions.AMQPError as error:
        sys.exit(f"RabbitMQ: set TEST_AMQP_URL to a broker that lets us in ({type(error).__name__})")
    return url


def redis_server() -> str:
    url = os.environ.get("TEST_REDIS_URL") or REDIS
    try:
        redis.Redis.from_url(url, socket_timeout=5).ping()
    except redis.RedisError as error:
        sys.exit(f"Redis: set TEST_REDIS_URL to a server that lets us in ({type(error).__name__})")
    return url


def chromium() -> str:
    for name in (os.environ.get("TEST_CHROMIUM"), *BROWSERS):
        if name and (path := shutil.which(name)):
            return path
    sys.exit("Chromium: set TEST_CHROMIUM to its path")


def node() -> str:
    for name in (os.environ.get("TEST_NODE"), *NODES):
        if name and (path := shutil.which(name)):
            return path
    sys.exit("Node.js: set TEST_NODE to its path")


def main() -> None:
    found = {
        "TEST_DATABASE_URL": postgresql(),
        "TEST_AMQP_URL": rabbitmq(),
        "TEST_REDIS_URL": redis_server(),
        "TEST_CHROMIUM": chromium(),
        "TEST_NODE": node(),
        "PYTHONHASHSEED": "0",  # a simulated life comes again by its seed, the order of sets included
    }
    for name, value in found.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
