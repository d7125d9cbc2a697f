"""Pages: a refusal is a page in the reader's language, an address changes nothing, and nobody sees another's rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.web.api.refusals import Untouched
from tests.web.cabinet.site import parsed
from tests.world import World, csrf_of

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
FORM = {"terms": "y", "personal_data": "y", "renewal": "y", "count": "1"}


@pytest.fixture
def guarded(world: World) -> World:
    """As in production: errors become pages, and forms need their token."""
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    return world


def token_of(browser: FlaskClient, page: str = "/buy/standard") -> str:
    return csrf_of(browser.get(page).text)


@pytest.mark.fault("T16")
def test_a_form_without_its_token_is_refused_with_a_page_in_the_readers_language(guarded: World) -> None:
    started = guarded.buy(guarded.sign_in("alice"))["invoice_guid"]
    unsafe = ("/buy/standard", f"/payments/{started}/check", f"/payments/{started}/retry", "/language")
    with Untouched(guarded):
        for language, word in (("ru", "страниц"), ("en", "page")):
            browser = guarded.browser("alice", language)
            for path in unsafe:
                answer = browser.post(path, data=FORM)
                assert answer.status_code == 400, path
                assert answer.mimetype == "text/html"
                assert f'lang="{language}"' in answer.text
                assert word in answer.text.lower(), path


@pytest.mark.fault("T16")
def test_every_unsafe_page_asks_for_the_token(guarded: World) -> None:
    """But for webhooks, which are proven otherwise, and the API, which no browser speaks to by itself."""
    browser = guarded.browser("alice")
    for rule in guarded.app.url_map.iter_rules():
        if not UNSAFE & set(rule.methods or ()) or rule.endpoint.startswith(("api.", "webhooks.")):
            continue
        for kind in ("application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data"):
            answer = browser.post(path_of(guarded, rule), data=b"", content_type=kind)
            assert answer.status_code == 400, (rule.rule, kind)


@pytest.mark.fault("T17")
def test_opening_any_address_changes_nothing(guarded: World) -> None:
    invoice = guarded.bought("alice")["invoice_guid"]
    guarded.clock.at += timedelta(seconds=1)
    open_one = guarded.buy(guarded.sign_in("boris"))["invoice_guid"]
    with Untouched(guarded):
        events = guarded.rows("SELECT seq FROM outbox")
        for login, guid in (("alice", invoice), ("boris", open_one), ("clara", invoice)):
            caller, browser = guarded.sign_in(login), guarded.browser(login)
            for path in every_address(guarded, guid):
                for method in ("get", "head"):
                    assert getattr(browser, method)(path).status_code < 500, path
                    bearer = {"Authorization": f"Bearer {caller.token}"}
                    assert getattr(caller.client, method)(path, headers=bearer).status_code < 500, path
        assert guarded.rows("SELECT seq FROM outbox") == events
    assert guarded.one("SELECT state FROM invoices WHERE user_id = 'boris'")["state"] == "not_paid"


def every_address(world: World, guid: str) -> Iterator[str]:
    for rule in world.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in ("health.readyz",):
            yield path_of(world, rule, guid)


def path_of(world: World, rule: Rule, guid: str | None = None) -> str:
    known = {"code": "premium", "filename": "app.css", "provider": "sandbox", "seq": "1"}
    values = {name: known.get(name, guid or str(uuid4())) for name in rule.arguments}
    with world.app.test_request_context():
        return world.app.url_for(rule.endpoint, **values)


@pytest.mark.fault("A1")
def test_somebody_elses_invoice_is_a_page_that_is_not_there(guarded: World) -> None:
    invoice = guarded.buy(guarded.sign_in("alice"))["invoice_guid"]
    boris = guarded.browser("boris")
    token = token_of(boris)
    with Untouched(guarded):
        for path in (f"/payments/{invoice}", f"/payments/{invoice}/state", f"/cabinet/invoices/{invoice}"):
            assert boris.get(path).status_code == 404, path
        for path in (f"/payments/{invoice}/check", f"/payments/{invoice}/retry"):
            assert boris.post(path, data={"csrf_token": token}).status_code == 404, path
        assert str(invoice) not in boris.get("/cabinet/invoices").text


@pytest.mark.fault("T18")
def test_a_forged_return_address_proves_nothing(guarded: World) -> None:
    invoice = guarded.buy(guarded.sign_in("alice"))["invoice_guid"]
    alice = guarded.browser("alice")
    with Untouched(guarded):
        for query in ("status=success", "state=paid&paid=1", "payment=succeeded&session_id=cs_1"):
            page = alice.get(f"/payments/{invoice}?{query}")
            assert page.status_code == 200
            assert alice.get(f"/payments/{invoice}/state?{query}").json["state"] == "unfinished"
    assert guarded.count("periods") == 0


@pytest.mark.fault("M2")
@pytest.mark.fault("N1")
def test_a_form_with_impossible_values_is_refused_and_nothing_is_written(guarded: World) -> None:
    alice = guarded.browser("alice")
    token = token_of(alice)
    bad = (
        *({"count": count} for count in ("0", "-1", "13", "1.5", "", "x", "9" * 40, "１", " 1", "1\x00", "1e1")),
        {"email": "a\x00@b.example"},
        {"email": "x" * 400 + "@b.example"},
        {"email": "nobody"},
        {"email": "a\u202e@b.example"},
    )
    with Untouched(guarded):
        for fields in bad:
            answer = alice.post("/buy/standard", data=FORM | fields | {"csrf_token": token})
            assert answer.status_code in (400, 422), fields
            assert answer.mimetype == "text/html"
        for code in ("nothing", "%00", "x" * 300, "..%2f"):
            assert alice.post(f"/buy/{code}", data=FORM | {"csrf_token": token}).status_code in (400, 404), code


def test_boxes_that_are_not_ticked_stop_the_order(guarded: World) -> None:
    alice = guarded.browser("alice")
    token = token_of(alice)
    with Untouched(guarded):
        for missing in ("terms", "personal_data"):
            form = {name: value for name, value in FORM.items() if name != missing}
            assert alice.post("/buy/standard", data=form | {"csrf_token": token}).status_code == 422
    form = {name: value for name, value in FORM.items() if name != "renewal"}
    assert alice.post("/buy/standard", data=form | {"csrf_token": token}).status_code == 303


def test_who_is_not_signed_in_is_sent_to_sign_in_and_changes_nothing(guarded: World) -> None:
    alice = guarded.browser("alice")
    token = token_of(alice)
    with Untouched(guarded):
        alice.delete_cookie(guarded.settings.auth_cookie, domain="localhost")
        answer = alice.post("/buy/standard", data=FORM | {"csrf_token": token})
        assert answer.status_code == 303
        assert answer.location.startswith("/auth/login?next=")


REFUND = {"choice": "other", "amount": '1"00', "comment": "No <sound> at all"}


def test_what_was_typed_into_a_form_that_expired_is_sent_once_more_by_a_button(guarded: World) -> None:
    invoice = guarded.bought("alice")["invoice_guid"]
    path, alice = f"/cabinet/invoices/{invoice}/refund", guarded.browser("alice")
    for origin in ("http://localhost", "http://portal.test"):
        answer = alice.post(path, data=REFUND, headers={"Origin": origin})
        assert answer.status_code == 400
        form = parsed(answer.text).find(".//main//form")
        kept = {field.get("name"): field.get("value") for field in form.iter("input")}
        assert kept == REFUND | {"csrf_token": kept["csrf_token"]}
    again = alice.post(form.get("action"), data=kept)
    assert again.status_code == 422  # the sum is none; the form is back with everything in it
    assert "No &lt;sound&gt;" in again.text


@pytest.mark.parametrize("origin", [None, "null", "http://elsewhere.test", "http://localhost.elsewhere.test"])
def test_nobody_is_made_to_send_what_another_page_wrote(guarded: World, origin: str | None) -> None:
    invoice = guarded.bought("alice")["invoice_guid"]
    headers = {"Origin": origin} if origin else {}
    answer = guarded.browser("alice").post(f"/cabinet/invoices/{invoice}/refund", data=REFUND, headers=headers)
    assert answer.status_code == 400
    assert parsed(answer.text).findall(".//main//form") == []


def test_sums_and_consents_are_read_again_before_they_are_agreed_to(guarded: World) -> None:
    headers = {"Origin": "http://localhost"}
    sent = FORM | {"count": "3", "email": "alice@example.com"}
    page = parsed(guarded.browser("alice").post("/buy/standard", data=sent, headers=headers).text).find(".//main")
    assert page.findall(".//form") == []
    assert next(page.iter("a")).get("href") == "/buy/standard?count=3"
    stranger = guarded.app.test_client().post("/buy/standard", data=FORM, headers=headers)
    assert parsed(stranger.text).findall(".//main//form") == []
