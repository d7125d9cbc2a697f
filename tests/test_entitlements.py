"""The file that other services copy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.entitlements import BadToken, has_feature
from tests.web.test_tokens import AT, AUDIENCE, HOSTILE, ISSUER, NOW, key, public_pem, token

PLAN = {"plan": "premium", "features": ["uhd", "library"], "until": "2026-12-22T10:00:00Z"}


def opens(made: str, feature: str = "uhd", **changed: Any) -> bool:
    given = {"at": AT, "key": public_pem(key()), "issuer": ISSUER, "audience": AUDIENCE, **changed}
    return has_feature(made, feature, **given)


def test_a_feature_of_any_plan_opens_until_its_time_is_over() -> None:
    other = {"plan": "sport", "features": ["sport"], "until": "2026-11-22T10:05:00+00:00"}
    made = token(subscriptions=[PLAN, other], exp=NOW + 10**7)
    assert opens(made)
    assert opens(made, "sport")
    assert not opens(made, "premieres")
    assert not opens(made, "sport", at=AT + timedelta(minutes=5))
    assert opens(made, "uhd", at=AT + timedelta(days=30) - timedelta(seconds=1))
    assert not opens(made, "uhd", at=AT + timedelta(days=30))


@pytest.mark.parametrize(
    "subscriptions",
    [
        None,
        [],
        {},
        "uhd",
        [None],
        ["uhd"],
        [{}],
        [{**PLAN, "until": None}],
        [{**PLAN, "until": "soon"}],
        [{**PLAN, "until": 4102444800}],
        [{**PLAN, "until": "2026-12-22T10:00:00"}],
        [{**PLAN, "features": None}],
        [{**PLAN, "features": "uhd"}],
        [{**PLAN, "features": {"uhd": True}}],
    ],
)
def test_what_does_not_say_so_opens_nothing(subscriptions: object) -> None:
    assert not opens(token(subscriptions=subscriptions))


def test_a_token_without_plans_opens_nothing() -> None:
    assert not opens(token())


# Here there is one key, whatever id a token gives it, and who the subject is concerns nobody; neither does what only
# Auth could have signed: a claim that is there twice.
OF_NO_INTEREST = ("kid", "jku", "x5u", "sub long", "sub with", "sub half", "a claim twice")


@pytest.mark.fault("T1", "T2", "T3", "T6", "T7", "T8")
@pytest.mark.parametrize(
    "hostile", [pytest.param(made, id=name) for name, made in HOSTILE.items() if not name.startswith(OF_NO_INTEREST)]
)
def test_a_hostile_token_opens_nothing(hostile: Any) -> None:
    with pytest.raises(BadToken) as bad:
        opens(hostile())
    assert not bad.value.expired


def test_an_auth_that_calls_the_user_something_else_is_understood() -> None:
    made = token(without="sub", user_id="7f1c", subscriptions=[PLAN])
    assert opens(made, user_claim="user_id")
    with pytest.raises(BadToken):
        opens(made)


def test_an_expired_token_says_that_a_refresh_helps() -> None:
    assert not opens(token(exp=NOW - 29))
    with pytest.raises(BadToken) as bad:
        opens(token(exp=NOW - 30))
    assert bad.value.expired
