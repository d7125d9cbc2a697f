"""Whatever is sent, and whoever sends it: no error of ours, and nothing that the document does not promise.

Schemathesis makes requests from the document, right and wrong ones, each caller in a world of its own on PostgreSQL.
`make test` tries 25 of each call for each caller, always the same ones; `make fuzz` tries a thousand new ones.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.web.api.blueprint import caller_of
from tests.web.api.conftest import SERVICE_TOKEN
from tests.world import World

EXAMPLES = int(os.environ.get("EXAMPLES") or 0)  # of each call for each caller, by chance; 0: the same few in every run
ALWAYS = 25
NOBODY, SERVICE = "nobody", "a service"
LEAVING = ("/change", "/purchases", "/refunds", "/cancel")  # last, in this order: after each less is left to do
IN_THE_WAY = ("promotion_code", "return_url", "access", "consents")  # random ones are refused before anything else
ROLES = ("alice", "viewer", "support", "product", "finance", "admin")
AS_PROMISED = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


Known = dict[str, dict[str, list[Any]]]  # what exists, by the first word of a path and the name of a value


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.mark.fault("N1", "N2")
@pytest.mark.parametrize("who", [NOBODY, SERVICE, *ROLES])
def test_every_answer_is_promised_and_only_who_may_call_is_let_in(world: World, who: str) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    known = lived(world, who if who in ROLES else "alice")
    headers = bearer(world, who)
    schema = schemathesis.openapi.from_dict(world.app.test_client().get("/api/v1/openapi.json").json)
    schema.app = world.app
    let_in = {}
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in sorted(operations, key=lambda one: how_late(one.path)):
        name = operation.definition.raw["operationId"]
        let_in[name] = 200 in send_anything(operation, headers, known)

    assert let_in == {name: caller_of(name) in ("anybody", kind_of(who)) for name in let_in}


def how_late(path: str) -> int:
    return next((place for place, end in enumerate(LEAVING, 1) if path.endswith(end)), 0)


def kind_of(who: str) -> str:
    return {NOBODY: "nobody", SERVICE: "service"}.get(who, "user")


def send_anything(operation: Any, headers: dict[str, str], known: Known) -> set[int]:
    """Answers each status that came back."""
    met = set()
    promised = operation.definition.raw["responses"]

    @given(case=cases(operation, known))
    @settings(
        max_examples=EXAMPLES or ALWAYS,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[*HealthCheck],
    )
    def hold(case: Any) -> None:
        answer = case.call_and_validate(headers=headers, checks=[*AS_PROMISED])
        met.add(answer.status_code)
        if answer.status_code >= 400:
            told = promised[str(answer.status_code)]["content"]["application/json"]["examples"]
            assert answer.json()["error_id"] in told

    hold()
    return met


@st.composite
def cases(draw: st.DrawFn, operation: Any, known: Known) -> Any:
    """A request as the document allows it or does not, in most cases about things that exist: random ids never do."""
    case = draw(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    usual = draw(st.booleans())
    values = known.get(operation.path.split("/")[3], {})

    def chosen() -> bool:
        return usual or draw(st.integers(0, 3)) > 0

    for part in (case.path_parameters, case.body):
        for name in values.keys() & part.keys() if isinstance(part, dict) else ():
            if chosen():
                part[name] = values[name][0] if usual else draw(st.sampled_from(values[name]))
    for part, names in ((case.body, IN_THE_WAY), (case.headers, ("Idempotency-Key",))):
        for name in names if isinstance(part, dict) else ():
            if name in part and chosen():
                del part[name]
    return case


def bearer(world: World, who: str) -> dict[str, str]:
    if who == NOBODY:
        return {}
    token = SERVICE_TOKEN if who == SERVICE else world.sign_in(who).token
    return {"Authorization": f"Bearer {token}"}


def lived(world: World, login: str) -> Known:
    """Somebody has ended something and wants money back, has something and thinks of something else; so have others."""
    ended, paid, others = world.bought(login, "sport"), world.bought(login), world.bought("boris")
    who, some = world.sign_in(login), {"amount": 1, "currency": "RUB"}
    ids = {one["product_id"]: one["subscription_id"] for one in who.get("/subscriptions").json}
    who.post(f"/subscriptions/{ids['sport']}/cancel", {"when": "now"})
    refund = who.post("/refunds", {"invoice_guid": ended["invoice_guid"], "price": some}).json["refund_guid"]
    quote = who.post(f"/subscriptions/{ids['standard']}/change/preview", {"product_id": "premium"}).json["quote"]
    unpaid = world.buy(who, "sport")
    invoices = [one["invoice_guid"] for one in (unpaid, paid, ended, others)]
    return {
        "invoices": {"guid": invoices},
        "purchases": {"product_id": ["sport", "standard", "premium"], "currency": ["RUB"], "provider": ["sandbox"]},
        "refunds": {"guid": [refund], "invoice_guid": [paid["invoice_guid"], *invoices], "price": [some]},
        "subscriptions": {
            "id": [ids["standard"], ids["sport"]],
            "product_id": ["premium", "sport"],
            "quote": [quote],
            "provider": ["sandbox"],
        },
        "users": {"guid": [login, "boris"]},
    }
