"""`flask events`: what Auth is told, once more; what it says, against our rows; what the broker has to hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from portal import runtime, starting
from portal.cli_voice import JSON, CouldNotRun, FoundWrong, refuse, say
from portal.outbox import rabbit
from portal.outbox.topology import topology_from
from portal.services import parity
from portal.services.audit import CouldNotCheck, auth_view
from portal.services.replay import replay

MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"])


events = AppGroup("events", help="What Auth is told: send it again, compare it, declare its queue.")


@events.command("replay")
@click.option("--user", metavar="ID", help="Only this user.")
@click.option("--since", type=MOMENT, help="All to whom something was told since then: 2027-01-31T10:00:00Z.")
@click.option("--all", "everybody", is_flag=True, help="Everybody to whom something was ever told.")
@JSON
def replay_command(user: str | None, since: datetime | None, everybody: bool, as_json: bool) -> None:
    """Have the relay publish the newest event of each user again: it carries everything that they may use.

    Repeating is no error. An Auth that has lost its database gets all rights back by --all.
    """
    if sum((user is not None, since is not None, everybody)) != 1:
        raise click.UsageError("say one of --user ID, --since MOMENT and --all")
    starting.begin()
    try:
        count = replay(user, since, lambda so_far: click.echo(f"{so_far} users", err=True))
    except SQLAlchemyError as error:
        refuse(CouldNotRun, error, as_json)
    say({"users": count}, as_json)
    if user is not None and not count:
        raise FoundWrong(f"nothing was ever told of user {user!r}")


@events.command("parity")
@click.option("--apply", "settles", is_flag=True, help="Tell Auth again what differs.")
@JSON
def parity_command(settles: bool, as_json: bool) -> None:
    """Compare what each user may watch with what Auth says: one line of JSON on stdout for each difference.

    Exit 0: no difference, or all of them are on their way to Auth. 1: there are some. 2: it could not be compared.
    """
    starting.begin()
    found: Counter[str] = Counter()
    try:
        for one in parity.differences(auth_view()):
            found[one.how] += 1
            click.echo(json.dumps(asdict(one)))
            if settles:
                parity.settle(one)
    except (CouldNotCheck, SQLAlchemyError) as error:
        refuse(CouldNotRun, error, as_json)
    if as_json:
        click.echo(json.dumps({"differences": found.total(), "applied": settles, **found}))
    if found and not settles:
        raise FoundWrong(f"{found.total()} users: flask events parity --apply tells Auth again")
    click.echo(f"{found.total()} users are told again" if found else "no difference", err=True)


@events.command("topology")
@JSON
def topology(as_json: bool) -> None:
    """Make the exchanges and queues that are missing at the broker. Repeating changes nothing."""
    settings = runtime.settings
    if not settings.amqp_url:
        raise click.UsageError("AMQP_URL is not set: without a broker the relay speaks to the demo Auth itself")
    declared = topology_from(settings)
    try:
        rabbit.declare(settings.amqp_url, declared)
    except rabbit.GONE as error:
        refuse(CouldNotRun, error, as_json)
    say({**asdict(declared), "dead_queue": declared.dead_queue}, as_json)
