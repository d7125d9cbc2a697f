"""`flask simulate`: a year of a cinema in minutes, with everything going wrong (demo and test only)."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from portal.cli_voice import JSON, pretending


@click.command("simulate")
@click.option("--users", type=click.IntRange(1, 100_000), default=8, show_default=True, help="Customers.")
@click.option("--months", type=click.IntRange(1, 120), default=2, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed lives the same lives.")
@click.option("--without", default="", help="Kinds of faults to leave out, with commas between.")
@click.option("--only", default="", help="Customers to keep, by their numbers, with commas between.")
@click.option("--shrink", is_flag=True, help="Look for a smaller life that goes wrong in the same way.")
@click.option("--database", default="", help="A PostgreSQL server to live on; SQLite where there is none.")
@JSON
def simulate(
    users: int, months: int, seed: int, without: str, only: str, shrink: bool, database: str, as_json: bool
) -> None:
    """Live through months with faults and crashes, in a database that is thrown away; then audit. Exit 1: violations.

    The real services, jobs, inbox and relay, the sandbox and the demo Auth, in one schedule that comes from the seed.
    """
    pretending()
    options = [f"--users={users}", f"--months={months}", f"--seed={seed}"]
    chosen = {"--without": without, "--only": only, "--database": database}
    options += [f"{name}={value}" for name, value in chosen.items() if value]
    options += [name for name, on in {"--shrink": shrink, "--json": as_json}.items() if on]
    # A process of its own: its order of sets and its chance must come from the seed, whatever ran here before.
    program = [sys.executable, "-m", "portal.demo.simulation", *options]
    done = subprocess.run(program, check=False, env=os.environ | {"PYTHONHASHSEED": "0"})  # noqa: S603  # our own module
    raise SystemExit(done.returncode)
