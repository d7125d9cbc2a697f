"""The simulation itself: its seed, its counts, its smaller lives, its command."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from click.testing import CliRunner

from portal.cli_simulate import simulate as command
from portal.demo.simulation import __main__ as program
from portal.demo.simulation import life
from portal.demo.simulation.life import Plot
from portal.demo.simulation.shrink import shrink
from portal.demo.simulation.weather import KINDS
from portal.outbox import relay
from tests.simulation.conftest import Live
from tests.world import World


def test_the_same_seed_lives_the_same_life_and_another_one_another(live: Live) -> None:
    first, again, other = (live(seed, users=3, months=1) for seed in (5, 5, 6))
    assert (first.fingerprint, first.faults, first.invoices) == (again.fingerprint, again.faults, again.invoices)
    assert other.fingerprint != first.fingerprint


def test_without_any_kind_of_fault_nothing_is_counted_and_nobody_dies(live: Live) -> None:
    calm = live(3, users=3, months=1, without=frozenset(KINDS))
    assert calm.faults.total() == 0
    assert not calm.died_at
    assert calm.invoices > 0
    assert calm.violations == []


def test_a_crash_is_counted_at_the_place_where_the_process_died(live: Live) -> None:
    lived = live(7, users=3, months=1)
    assert lived.faults["crash"] > 0
    assert lived.faults["crash"] == sum(n for name, n in lived.died_at.items() if not name.startswith("consumer."))


def test_what_is_wrong_is_found_again_in_a_smaller_life() -> None:
    """A relay that marks events it has not sent."""
    with mock.patch.object(relay.Relay, "_publish", _marks_only):
        wrong = _violations(Plot(3, 1, 4))
        assert wrong.violations
        smaller = shrink(wrong, None, lambda _: None)
    assert len(smaller.plot.numbers) < 3
    assert len(smaller.plot.without) > 10
    assert {one["invariant"] for one in smaller.violations} & {one["invariant"] for one in wrong.violations}


def _marks_only(self: relay.Relay, wave: object) -> int:
    receipts = [(row, relay.Receipt()) for row in wave]  # type: ignore[attr-defined]  # a list of rows
    self._mark(receipts)
    return len(receipts)


def _violations(plot: Plot) -> life.Result:
    ground = life.Ground()
    try:
        return life.simulate(plot, ground)
    finally:
        ground.close()


def test_the_command_ends_with_one_object_and_says_whether_something_was_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program.main(["--users=2", "--months=1", "--seed=1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["seed"], told["customers"], told["violations"]) == (1, 2, 0)
    assert set(told["faults"]) == set(KINDS)


def test_a_kind_of_fault_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        program.main(["--without=earthquake"])
    assert refused.value.code == 2
    assert "no such fault: earthquake" in capsys.readouterr().err


def test_flask_simulate_has_its_help(world: World) -> None:
    said = world.app.test_cli_runner().invoke(args=["simulate", "--help"])
    assert said.exit_code == 0
    assert "--shrink" in said.output
    assert CliRunner().invoke(command, ["--users", "0"]).exit_code == 2
