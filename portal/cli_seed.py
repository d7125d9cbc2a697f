"""`flask seed-demo`: the demo's plans, and the half year behind them (demo and test only)."""

from __future__ import annotations

import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from portal import logs, runtime, starting
from portal.cli_clock import let_all_see
from portal.cli_voice import JSON, CouldNotRun, FoundWrong, pretending, refuse, say
from portal.services.clock import SomebodyTravels


@click.command("seed-demo")
@click.option("--plans-only", is_flag=True, help="Put the plans on sale, no past.")
@JSON
def seed_demo(plans_only: bool, as_json: bool) -> None:
    """Put a small believable cinema on sale, with half a year behind it. Repeating changes nothing."""
    pretending()
    starting.enter()
    from portal.demo import past, seed  # loaded only where it is allowed to exist

    if plans_only:
        say({"plans": seed.seed(), "people": 0}, as_json)
        return
    logs.setup()
    months = Months()
    try:
        seeded = past.live(months)
    except (past.Interrupted, SomebodyTravels) as error:
        refuse(CouldNotRun, error, as_json)
    except past.Stuck as error:
        refuse(FoundWrong, error, as_json)
    finally:
        months.done()
    if seeded.people:
        let_all_see()
    say({"plans": seeded.plans, "people": seeded.people}, as_json)


class Months:
    """Progress on stderr: one line that changes on a terminal, else one for each month."""

    def __init__(self) -> None:
        self._zone = ZoneInfo(runtime.settings.billing_timezone)
        self._said = ""
        self._live = sys.stderr.isatty()

    def __call__(self, moment: datetime, steps: int) -> None:
        local = moment.astimezone(self._zone)
        told = f"{local:%d %B %Y}" if self._live else f"{local:%B %Y}"
        if told != self._said:
            self._said = told
            text = f"Half a year passes in the cinema: {told}"
            click.echo(f"\r{text}\033[K" if self._live else text, nl=not self._live, err=True)

    def done(self) -> None:
        if self._live and self._said:
            click.echo(err=True)
