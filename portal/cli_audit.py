"""`flask audit`: everything that must be true, asked now."""

from __future__ import annotations

import json
from collections import Counter

import click
from sqlalchemy.exc import SQLAlchemyError

from portal import logs
from portal.audit.violation import Invariant
from portal.cli_voice import JSON, CouldNotRun, FoundWrong, refuse
from portal.services.audit import Books, CouldNotCheck, auth_view, violations


@click.command("audit")
@click.option("--provider", is_flag=True, help="Compare with what the payment systems have as well.")
@click.option("--auth", "with_auth", is_flag=True, help="Compare with what Auth says of each user as well.")
@JSON
def audit(provider: bool, with_auth: bool, as_json: bool) -> None:
    """Check that nothing is charged twice, lost or untold: one line of JSON on stdout for each violation.

    Exit 0: all is well. 1: there are violations. 2: it could not be checked.
    """
    logs.setup()
    found: Counter[str] = Counter()
    try:
        for one in violations(
            provider=Books() if provider else None, auth=auth_view() if with_auth else None, begun=_say
        ):
            found[one.invariant] += 1
            line = {"invariant": one.invariant, "what": one.what, "ids": dict(one.ids), "todo": one.todo}
            click.echo(json.dumps(line, ensure_ascii=False))
    except (CouldNotCheck, SQLAlchemyError) as error:
        refuse(CouldNotRun, error, as_json)
    if as_json:
        click.echo(json.dumps({"violations": found.total(), "by_invariant": dict(found)}))
    if found:
        raise FoundWrong(f"{found.total()} violations of {', '.join(found)}")
    click.echo("all is well", err=True)


def _say(invariant: Invariant) -> None:
    """Progress."""
    click.echo(f"{invariant.id}: {invariant.nothing or invariant.title}", err=True)
