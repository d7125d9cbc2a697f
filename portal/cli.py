"""Thin commands: each calls one function and says what came of it.

Exit 0: done. 1: found something wrong. 2: could not run.
"""

from __future__ import annotations

import json
import signal
import threading
from datetime import timedelta

import click
from flask import Flask

from portal import logs, runtime
from portal.clock import real_now
from portal.config import Settings
from portal.domain.calendar import rfc3339
from portal.outbox.relay import Relay, publisher_from
from portal.services import heartbeat, inbox

JSON = click.option("--json", "as_json", is_flag=True, help="The last line on stdout is one JSON object.")
ONCE = click.option("--once", is_flag=True, help="Work off what is there now, then end.")


def init(app: Flask) -> None:
    for command in (relay, inbox_command, deliver_webhooks, auth_consumer, clock, seed_demo):
        app.cli.add_command(command)


@click.command("relay")
@ONCE
@JSON
def relay(once: bool, as_json: bool) -> None:
    """Publish the outbox; runs until it is stopped."""
    logs.setup()
    publisher = Relay(publisher_from(runtime.settings), runtime.clock)
    if once:
        _say({"published": publisher.run_once()}, as_json)
    else:
        publisher.run_forever(_stopped(), beat=lambda: heartbeat.beat("relay"))


@click.command("inbox")
@ONCE
@JSON
def inbox_command(once: bool, as_json: bool) -> None:
    """Apply the webhooks that came in; runs until it is stopped."""
    logs.setup()
    if once:
        _say({"applied": inbox.run_once()}, as_json)
    else:
        inbox.run_forever(_stopped(), beat=lambda: heartbeat.beat("inbox"))


@click.command("deliver-webhooks")
def deliver_webhooks() -> None:
    """Deliver the sandbox payment system's webhooks (demo and test only)."""
    logs.setup()
    settings = _pretending()
    from portal.demo.sandbox.deliver import run  # loaded only where it is allowed to exist

    run(
        database_url=settings.sandbox_database,
        webhook_url=f"{settings.origin}/webhooks/sandbox",
        secret=settings.secret("sandbox_webhook_secret"),
        now=runtime.clock.now,
        stop=_stopped(),
    )


@click.command("auth-consumer")
def auth_consumer() -> None:
    """Let the demo Auth consume its queue (demo and test only, where AMQP_URL is set)."""
    logs.setup()
    settings = _pretending()
    from portal.demo.auth.start import consume  # loaded only where it is allowed to exist

    consume(settings, runtime.clock.now, _stopped())


@click.group("clock")
def clock() -> None:
    """The portal's time (demo and test only)."""


@clock.command("show")
@JSON
def clock_show(as_json: bool) -> None:
    """Portal time, and how far it is from real time."""
    _pretending()
    now = runtime.clock.now()
    offset = round((now - real_now()).total_seconds())
    _say({"now": rfc3339(now), "offset": str(timedelta(seconds=offset))}, as_json)


@click.command("seed-demo")
@JSON
def seed_demo(as_json: bool) -> None:
    """Put a small believable cinema on sale. Repeating changes nothing."""
    _pretending()
    from portal.demo.seed import seed  # loaded only where it is allowed to exist

    _say({"plans": seed()}, as_json)


def _pretending() -> Settings:
    settings = runtime.settings
    if not settings.pretends:
        raise click.UsageError("this exists in demo and test only; APP_ENV is production")
    return settings


def _stopped() -> threading.Event:
    """Set by SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _say(result: dict[str, object], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo(", ".join(f"{name}: {value}" for name, value in result.items()))
