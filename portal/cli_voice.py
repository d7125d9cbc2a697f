"""How every command speaks: `--json`, what it says at the end, why it could not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

import click

from portal import runtime
from portal.config import Settings

JSON = click.option("--json", "as_json", is_flag=True, help="The last line on stdout is one JSON object.")
ONCE = click.option("--once", is_flag=True, help="Work off what is there now, then end.")


class FoundWrong(click.ClickException):
    exit_code = 1


class CouldNotRun(click.ClickException):
    exit_code = 2


def say(result: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in result.items()))


def refuse(how: type[FoundWrong | CouldNotRun], why: Exception, as_json: bool) -> NoReturn:
    """One sentence on stderr, and for programs one object."""
    if as_json:
        click.echo(json.dumps({"error": str(why)}))
    raise how(str(why)) from why


def pretending() -> Settings:
    """Raises UsageError where nothing pretends."""
    settings = runtime.settings
    if not settings.pretends:
        raise click.UsageError("this exists in demo and test only; APP_ENV is production")
    return settings
