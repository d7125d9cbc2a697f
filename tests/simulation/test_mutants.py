"""The hunt for planted mistakes finds some that are found quickly; `make mutants` hunts for all of them."""

from __future__ import annotations

import os
import subprocess
import sys

QUICK = ("no_payments_final", "no_uq_periods_invoice_id")


def test_planted_mistakes_are_found_within_a_few_seeds() -> None:
    done = _hunt(*QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "found 2 of 2"


def test_a_mistake_that_nobody_planted_is_refused() -> None:
    done = _hunt("moon_is_cheese")
    assert (done.returncode, done.stderr) == (2, "no such mistake: moon_is_cheese\n")


def _hunt(*names: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "tests.simulation.hunt", *names]
    return subprocess.run(program, env=os.environ | {"SEEDS": "5"}, capture_output=True, text=True, check=False)
