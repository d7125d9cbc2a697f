"""The sandbox's module and Stripe's behave in every case of the kit, and a careless one is found out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import httpx
import pytest

from portal.providers.conformance import __main__ as command
from portal.providers.conformance.case import Case
from portal.providers.conformance.counterpart import Ability, Fault, Make
from portal.providers.conformance.kit import CASES, play
from portal.providers.port import Provider
from tests.demo.sandbox.shop import API_KEY
from tests.providers import sandbox_side, stripe_side
from tests.providers.careless import CarelessProvider
from tests.providers.sandbox_side import SandboxSide, make, make_in_process

NAMED = {case.name: case for case in CASES}
# Silence, a broken connection and bytes that trickle are real only where there is a socket.
ON_THE_WIRE = [case for case in CASES if case.name.startswith(("idempotency.", "unknown.", "calls."))]
# Silence costs the module's patience each time: of Stripe, the kinds of it that are different on a wire.
OF_THE_WIRE = [
    case
    for case in ON_THE_WIRE
    if {Fault.reset, Fault.trickle} & {*case.needs} or case.name.startswith("unknown.charge_timeout")
]

# Cases in which the module's part of a catalogued fault is seen.
FAULTS = {
    "unknown.charge_timeout_after": pytest.mark.fault("P1"),
    "unknown.charge_timeout_before": pytest.mark.fault("P2"),
    "idempotency.stored_error": pytest.mark.fault("P3"),
    "unknown.key_in_use": pytest.mark.fault("P6"),
    "unknown.charge_rate_limited": pytest.mark.fault("P7"),
    "unknown.charge_wrong_key": pytest.mark.fault("P8"),
    "declines.soft_at_the_renewal": pytest.mark.fault("P10"),
    "declines.hard_at_the_renewal": pytest.mark.fault("P11"),
    "authentication.confirmed_at_the_renewal": pytest.mark.fault("P12"),
    "unknown.charge_garbage": pytest.mark.fault("P15"),
    "methods.removed": pytest.mark.fault("P20"),
    "methods.somebody_elses": pytest.mark.fault("P21"),
    "refunds.failed_later": pytest.mark.fault("P23"),
    "by_hand.a_refund": pytest.mark.fault("P24"),
    "by_hand.a_dispute_lost": pytest.mark.fault("P25"),
    "webhooks.unsigned": pytest.mark.fault("W1"),
    "webhooks.stale": pytest.mark.fault("W2"),
    "webhooks.repeated": pytest.mark.fault("W3"),
    "webhooks.reordered": pytest.mark.fault("W4"),
    "webhooks.about_somebody_else": pytest.mark.fault("W11"),
}


QUICKLY = {"sandbox": sandbox_side.make_in_process, "stripe": stripe_side.make_in_process}


@pytest.mark.parametrize("case", [pytest.param(case, marks=FAULTS.get(case.name, ()), id=case.name) for case in CASES])
@pytest.mark.parametrize("side", QUICKLY.values(), ids=QUICKLY.keys())
def test_the_module_behaves(side: Make, case: Case) -> None:
    result = play(case, side)
    lacks_a_socket = (result.verdict, result.why) == ("not applicable", "needs trickle")
    assert result.verdict == "passed" or lacks_a_socket, result.why


@pytest.mark.parametrize("case", ON_THE_WIRE, ids=lambda case: case.name)
def test_the_sandbox_behaves_over_a_real_wire(case: Case) -> None:
    result = play(case, sandbox_side.make)
    assert result.verdict == "passed", result.why


@pytest.mark.parametrize("case", OF_THE_WIRE, ids=lambda case: case.name)
def test_stripe_behaves_over_a_real_wire(case: Case) -> None:
    result = play(case, stripe_side.make)
    assert result.verdict == "passed", result.why


def careless(base: str, transport: httpx.BaseTransport | None) -> Provider:
    return CarelessProvider(base, API_KEY, transport)


def careless_side() -> AbstractContextManager[SandboxSide]:
    return make_in_process(careless)


# What its author did not think of: the case that says so, and what was seen.
HABITS = [
    ("a new key for every try", "idempotency.same_charge_again", "the two answers name two payments"),
    ("a new key for every try, in parallel", "idempotency.same_charge_in_parallel", "599.00 RUB and 599.00 RUB"),
    ("a timeout is an exception", "unknown.charge_timeout_after", "raised ReadTimeout"),
    ("every 5xx is a decline", "unknown.charge_error_after", "it said failed soft:declined"),
    ("a page is taken for JSON", "unknown.refund_garbage", "raised JSONDecodeError"),
    ("a question that failed means that nothing is there", "unknown.asking_rate_limited", "absent"),
    ("our wrong key is the customer's decline", "unknown.charge_wrong_key", "the customer's bank never heard of it"),
    ("what was asked for was surely taken", "unknown.wrong_amount", "the book says ['600.00']"),
    ("every decline is the same", "declines.hard_at_the_renewal", "it said failed soft:declined"),
    ("a reset is an exception", "calls.find_always_answers", "it raised ReadTimeout"),
    ("the API key is in the note", "calls.no_secret_is_told", "tells a secret"),
    ("closing is done when it was asked for", "closing.a_paid_page", "it said failed closed"),
    ("one page of a list is all of it", "finding.page_by_page", "are not there once"),
    ("every currency has two decimals", "amounts.charge_in_0_decimals", "101900 JPY was taken, not 1019 JPY"),
    ("money is a float", "amounts.page_in_2_decimals", "1024.08"),
    ("a dispute is never over", "by_hand.a_dispute_lost", "it said open"),
    ("a card is kept whoever asks", "methods.not_kept_unasked", "was kept"),
    ("nobody answered, so it is done", "methods.removal_unanswered", "raised ReadTimeout"),
    ("a body is believed", "webhooks.unsigned", "it was believed, as payment.succeeded"),
    ("a stranger's body is believed", "webhooks.forged", "it was believed"),
    ("an old signature is believed", "webhooks.stale", "it was believed"),
    ("every delivery is a new event", "webhooks.repeated", "came back as"),
]


@pytest.mark.parametrize(("name", "seen"), [habit[1:] for habit in HABITS], ids=[habit[0] for habit in HABITS])
def test_a_careless_module_is_found_out(name: str, seen: str) -> None:
    result = play(NAMED[name], careless_side)
    assert result.verdict == "failed"
    assert seen in result.why


def test_a_module_that_limits_each_wait_and_not_the_whole_is_found_out() -> None:
    result = play(NAMED["calls.find_ends_in_time"], lambda: make(careless))
    assert result.verdict == "failed"
    assert "3.0 s were allowed" in result.why


def test_each_case_has_a_name_of_its_own_and_a_sentence() -> None:
    assert FAULTS.keys() - NAMED.keys() == set()
    assert len(NAMED) == len(CASES)
    assert [case.name for case in CASES if not case.proves.endswith(".")] == []


@contextmanager
def without_webhooks() -> Iterator[SandboxSide]:
    with make_in_process() as side:
        side.has -= {Ability.signs_webhooks}
        side.currencies = ("RUB",)
        side.provider.abilities = replace(side.provider.abilities, saves_methods=False)
        yield side


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("webhooks.forged", "needs signs_webhooks"),
        ("amounts.page_in_3_decimals", "needs a currency of 3 decimals"),
        ("methods.removed", "needs saves_methods"),
        ("calls.charge_ends_in_time", "needs trickle, saves_methods"),
    ],
)
def test_what_a_payment_system_does_not_have_is_said(name: str, missing: str) -> None:
    result = play(NAMED[name], without_webhooks)
    assert (result.verdict, result.why) == ("not applicable", missing)


@contextmanager
def broken() -> Iterator[SandboxSide]:
    raise RuntimeError("the payment system does not start")
    yield


def test_a_counterpart_that_breaks_fails_the_case() -> None:
    result = play(CASES[0], broken)
    assert (result.verdict, result.why) == ("failed", "raised RuntimeError: the payment system does not start")


SIDE = "tests.providers.sandbox_side:make_in_process"
CARELESS = "tests.providers.test_conformance:careless_side"


def test_the_command_prints_a_line_for_each_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([SIDE, "--only", "closing."]) == 0
    *lines, total = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines] == ["ok  "] * 6
    assert lines[1].endswith("closing.a_paid_page  Closing a paid page says that it was paid, and takes nothing back.")
    assert total == "6 passed, 0 failed, 0 not applicable"


def test_the_command_says_what_failed_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([CARELESS, "--only", "webhooks.forged"]) == 1
    told = capsys.readouterr().out
    assert told.startswith("FAIL webhooks.forged  A webhook signed by somebody else is refused.\n")
    assert "       it was believed, as payment.succeeded\n" in told


def test_the_commands_last_line_can_be_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([CARELESS, "--only", "methods.", "--json"]) == 1
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["passed"], said["failed"], said["not_applicable"]) == (4, 3, 0)
    assert said["cases"][0] == {
        "name": "methods.kept",
        "proves": "A method that was kept has its ids and a title, and no card number.",
        "verdict": "passed",
        "why": "",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "'nothing' is not of the form package.module:make"),
        (["no.such.module:make"], "no.such.module:make cannot be loaded: No module named 'no'"),
        (["tests.providers.sandbox_side:nothing"], "has no attribute 'nothing'"),
        (["tests.providers.sandbox_side:CARDS"], "cannot be called"),
        ([SIDE, "--only", "weather."], "no case begins with 'weather.'"),
    ],
)
def test_the_command_that_cannot_play_says_why_and_ends_with_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    assert told in capsys.readouterr().err
