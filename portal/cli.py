"""Thin commands: each calls one function and says what came of it.

Exit 0: done. 1: found something wrong. 2: could not run.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter

import click
from flask import Flask

from portal import logs, runtime, starting
from portal.cli_audit import audit
from portal.cli_clock import clock
from portal.cli_events import events
from portal.cli_seed import seed_demo
from portal.cli_simulate import simulate
from portal.cli_voice import JSON, ONCE, FoundWrong, pretending, refuse, say
from portal.outbox.relay import Relay, publisher_from
from portal.queries import happenings
from portal.services import heartbeat, inbox, premises
from portal.services import renew as renew_service
from portal.services.turns import Turns

# What `renew` tells, by what happened to subscriptions.
RENEWALS = {
    "charged": ("renewed", "recovered"),
    "declined": ("renewal_declined", "declined_again"),
    "not_reached": ("not_reached",),
    "suspended": ("grace_over",),
    "ended": ("period_over", "given_up"),
}


def init(app: Flask) -> None:
    for command in (
        renew,
        claim,
        relay,
        inbox_command,
        deliver_webhooks,
        auth_consumer,
        clock,
        seed_demo,
        simulate,
        audit,
        events,
    ):
        app.cli.add_command(command)


@click.command("relay")
@ONCE
@JSON
def relay(once: bool, as_json: bool) -> None:
    """Publish the outbox; runs until it is stopped."""
    starting.begin()
    publisher = Relay(publisher_from(runtime.settings), runtime.clock)
    if once:
        say({"published": publisher.run_once()}, as_json)
    else:
        publisher.run_forever(_turns("relay"), beat=lambda: heartbeat.beat("relay"))


@click.command("inbox")
@ONCE
@JSON
def inbox_command(once: bool, as_json: bool) -> None:
    """Apply the webhooks that came in; runs until it is stopped."""
    starting.begin()
    if once:
        say({"applied": inbox.run_once()}, as_json)
    else:
        heartbeat.of_this_process("inbox")
        inbox.run_forever(_turns("inbox"), beat=lambda: heartbeat.beat("inbox"))


@click.command("deliver-webhooks")
def deliver_webhooks() -> None:
    """Deliver the sandbox payment system's webhooks (demo and test only)."""
    logs.setup()
    settings = pretending()
    from portal.demo.sandbox.deliver import run  # loaded only where it is allowed to exist

    run(
        database_url=settings.sandbox_database,
        webhook_url=f"{settings.origin}/webhooks/sandbox",
        secret=settings.secret("sandbox_webhook_secret"),
        now=runtime.clock.now,
        stop=_stopped(Turns()),
    )


@click.command("auth-consumer")
def auth_consumer() -> None:
    """Let the demo Auth consume its queue (demo and test only, where AMQP_URL is set)."""
    logs.setup()
    settings = pretending()
    from portal.demo.auth.start import consume  # loaded only where it is allowed to exist

    consume(settings, runtime.clock.now, _stopped(threading.Event()))


@click.command("renew")
@JSON
def renew(as_json: bool) -> None:
    """Renew, retry, suspend and end whatever is due now; the worker does the same every minute."""
    starting.begin()
    before = happenings.last_seq()
    due = renew_service.run_once()
    say({"due": due, **_came_of(before)}, as_json)


@click.command("claim")
@JSON
def claim(as_json: bool) -> None:
    """Say that this database is this installation's from now on: after a move, a copy, a backup that was restored.

    Production does not work on a database that is somewhere else than it was: a copy would charge what the original
    charges. See first to what was charged since it was made, and that nobody else works on it.
    """
    if runtime.settings.pretends:
        raise click.UsageError("a demo works on any database that no production works on")
    try:
        was = premises.claim()
    except premises.NotOurs as error:
        refuse(FoundWrong, error, as_json)
    say({"was": was or "nobody's", "is": runtime.settings.origin}, as_json)


def _came_of(seq: int) -> dict[str, int]:
    """What happened to subscriptions since then; of a renewal that no answer came to, only that it waits."""
    happened = Counter(one.name for one in happenings.since(seq))
    counts = {told: sum(happened[f"subscription.{event}"] for event in events) for told, events in RENEWALS.items()}
    answered = sum(happened[f"payment.{event}"] for event in ("succeeded", "failed", "aborted"))
    return counts | {"waiting": max(0, happened["payment.sent"] - answered)}


def _turns(process: str) -> threading.Event:
    """Those of a process that must not seem dead while it stands still."""
    return _stopped(Turns(lambda: heartbeat.beat(process)))


def _stopped(stop: threading.Event) -> threading.Event:
    """Set by SIGTERM or Ctrl-C.

    A handler runs in the middle of the main thread, which may be holding the event's own lock at that moment: another
    thread sets it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set, daemon=True).start())
    return stop
