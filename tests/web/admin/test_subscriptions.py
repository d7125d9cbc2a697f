"""Subscriptions in the back office: the list, the page, and the acts of support, through the door operators use."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest

from tests.web.admin.statements import Statements
from tests.web.admin.test_customers import SAVES_THEN_DECLINES
from tests.web.cabinet.visitor import Visitor
from tests.world import World, csrf_of

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
DAY = timedelta(days=1)


def guid_of(world: World, login: str = "alice") -> str:
    return str(world.sign_in(login).get("/subscriptions").json[0]["subscription_id"])


def page_of(world: World, login: str = "alice") -> str:
    return f"/admin/subscriptions/{guid_of(world, login)}"


def bought(world: World, login: str = "alice") -> str:
    """Answers the page of what was bought."""
    world.bought(login)
    return page_of(world, login)


def acts(world: World) -> list[tuple[str, str]]:
    return [(row["act"], row["outcome"]) for row in world.rows("SELECT act, outcome FROM activity ORDER BY seq")]


def filled(visitor: Visitor) -> dict[str, str]:
    """The form of the page as it stands."""
    form = next(form for form in visitor.page.find(".//main").iter("form") if form.get("method") == "post")
    fields = {f.get("name"): f.get("value", "") for f in form.iter("input") if f.get("type") != "radio"}
    chosen = {f.get("name"): f.get("value") for f in form.iter("input") if "checked" in f.attrib}
    return fields | chosen | {"note": ""}


# Looking


def test_the_list_is_filtered_and_says_what_comes_next(world: World) -> None:
    world.bought("alice")
    world.bought("clara", plan="premium")
    Visitor(world, "clara").open("/cabinet").click("Cancel subscription").press("Cancel subscription")
    office = Visitor(world, "viewer")
    for query, shown in {
        "": {"alice", "clara"},
        "state=active": {"alice", "clara"},
        "state=past_due": set(),
        "state=active&renews=no": {"clara"},
        "renews=yes": {"alice"},
        "parked=yes": set(),
        "parked=no": {"alice", "clara"},
        "user=alice": {"alice"},
        "user=clara@example.com": {"clara"},
        "until=2027-01-09": set(),
        "since=2027-01-10&until=2027-01-10": {"alice", "clara"},
    }.items():
        office.open(f"/admin/subscriptions/?{query}")
        assert {n for n in ("alice", "clara") if f"{n}@example.com" in office.read} == shown, query
    office.open("/admin/subscriptions/")
    office.says("Standard Active RUB 299.00 10 February 2027, 12:00 MSK 10 February 2027, 12:00 MSK: RUB 299.00")
    office.says("Active, without renewal", "10 February 2027, 12:00 MSK: it ends")
    office.click("Ending").says("clara@example.com")
    assert "alice@example.com" not in office.read


@on_sqlite
def test_the_page_shows_where_a_subscription_stands_and_why(world: World) -> None:
    office = Visitor(world, "viewer").open(bought(world))
    office.says("Paid until 10 February 2027 and renews by itself.", "RUB 299.00 per month, on sale from")
    office.says("10 February 2027, 12:00 MSK: RUB 299.00 is charged", "Counted from 10 January 2027, 12:00 MSK")
    office.says("Steps 1", "Europe/Moscow", "M-2027-000001 1 Given", "M-2027-000001 Paid Purchase RUB 299.00 1")
    office.says("until 17 February 2027, 12:00 MSK (library, two_screens), version 1")
    office.says("Handed to the payment system", "Subscription started: Standard")
    assert office.page.find(".//details/pre") is not None
    assert "Grant days" not in office.read
    assert "Cancel" not in [text for text in office.links() if "/cancel" in text]


@on_sqlite
def test_the_page_opens_in_every_state(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    guid = guid_of_any(world)
    office = Visitor(world, "support")
    assert office.open(f"/admin/subscriptions/{guid}").says("Awaiting payment", "None: it was never paid for.")
    world.pay(started["redirect_url"], SAVES_THEN_DECLINES)
    world.drain()
    for days, said in ((31, "Payment failed"), (8, "Suspended"), (8, "Ended")):
        world.pass_time(timedelta(days=days, minutes=1))
        assert office.open(f"/admin/subscriptions/{guid}").says(said)
        office.open("/admin/subscriptions/").says(said)
    office.open(f"/admin/subscriptions/{guid}")
    assert not [link for link in office.links() if link.split("?")[0].endswith(("/cancel", "/grant", "/resume"))]
    for act in ("cancel", "grant", "resume"):
        assert office.open(f"/admin/subscriptions/{guid}/{act}").path.startswith(f"/admin/subscriptions/{guid}")


def guid_of_any(world: World) -> str:
    office = Visitor(world, "viewer").open("/admin/subscriptions/")
    return (
        next(link for link in office.links() if link.startswith("/admin/subscriptions/0")).split("/")[3].split("?")[0]
    )


@on_sqlite
def test_a_way_back_keeps_the_filters_also_after_an_act(world: World) -> None:
    bought(world)
    office = Visitor(world, "support").open("/admin/subscriptions/?state=active&renews=yes")
    office.click("Standard").click("Grant days").press("Grant days", days="2")
    office.says("Time is granted, until 12 February 2027.")
    office.click("← Subscriptions")
    assert office.path == "/admin/subscriptions/?state=active&renews=yes"


# Cancelling


@on_sqlite
def test_cancelling_asks_two_things_and_prefers_the_end_of_the_paid_time(world: World) -> None:
    office = Visitor(world, "finance").open(bought(world)).click("Cancel")
    office.says("Access until 10 February 2027, 12:00 MSK", "Access closes now", "No money", "RUB 299.00")
    radios = [f for f in office.page.iter("input") if f.get("type") == "radio"]
    assert [(f.get("name"), f.get("value"), "checked" in f.attrib) for f in radios] == [
        ("when", "period_end", True),
        ("when", "now", False),
        ("money", "none", True),
        ("money", "unused", False),
    ]
    office.press("Cancel subscription", note="asked by phone")
    office.says("Renewal is switched off", "No further charges. Access until 10 February 2027.", "C-0000")
    assert acts(world) == [("subscription.cancel", "done")]
    assert world.one("SELECT note FROM activity") == {"note": "asked by phone"}
    assert world.count("refunds") == 0
    world.drain()
    assert world.sign_in("alice").get("/subscriptions").json[0]["auto_renew"] is False


def test_cancelling_now_with_the_unused_money_ends_and_refunds(world: World) -> None:
    page = bought(world)
    world.pass_time(10 * DAY)
    office = Visitor(world, "finance").open(page).click("Cancel")
    sum_ = int(filled(office)["shown"])
    assert 0 < sum_ < 29900
    office.press("Cancel subscription", when="now", money="unused", reason="goodwill")
    office.says("The subscription is cancelled", "goes back", "was cancelled and ended on 20 January 2027")
    world.settle(2)
    refund = world.one("SELECT state, amount_minor, reason, grounds FROM refunds")
    assert refund == {"state": "succeeded", "amount_minor": sum_, "reason": "operator", "grounds": "goodwill"}
    assert world.rights("alice")["entitlements"] == []


@on_sqlite
def test_a_sum_that_has_changed_is_shown_anew_and_nothing_happens(world: World) -> None:
    page = bought(world)
    world.pass_time(DAY)
    office = Visitor(world, "finance").open(page).click("Cancel")
    before = filled(office)
    world.pass_time(2 * DAY)
    office.send(f"{page}/cancel", before | {"when": "now", "money": "unused", "note": "keep me"})
    assert office.status == 409
    office.says("The sum has changed since the page was opened", "keep me")
    after = filled(office)
    assert int(after["shown"]) < int(before["shown"])
    assert after["act"] == before["act"]
    assert (after["when"], after["money"]) == ("now", "unused")
    assert world.count("refunds") == 0
    assert acts(world) == [("subscription.cancel", "sum_changed")]
    office.press("Cancel subscription").says("goes back")
    assert world.count("refunds") == 1


@on_sqlite
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"when": "tomorrow"}, "Choose when the subscription ends"),
        ({"money": "all"}, "Choose whether money goes back"),
        (
            {"money": "unused", "when": "period_end"},
            "Unused time is paid back only where the subscription ends at once",
        ),
        ({"reason": "because"}, "Choose one of the list"),
        ({"note": "x" * 1001}, "Write at most 1000 characters"),
    ],
)
def test_a_form_with_a_mistake_comes_back_with_what_was_typed(world: World, wrong: dict[str, str], said: str) -> None:
    office = Visitor(world, "admin").open(bought(world)).click("Cancel")
    before = world.counts()
    kept = "kept <script>alert(1)</script>"
    office.press("Cancel subscription", **({"note": kept} | wrong))
    assert office.status == 422
    office.says("There is a problem", said)
    assert office.page.find(".//title").text.startswith("Error:")
    assert "note" in wrong or kept in office.read
    assert "<script>alert" not in office.answer.text
    assert world.counts() == before


def test_the_same_form_twice_acts_once(world: World) -> None:
    page = bought(world)
    office = Visitor(world, "finance").open(f"{page}/cancel")
    form = filled(office) | {"when": "now", "money": "unused"}
    office.send(f"{page}/cancel", form).says("The subscription is cancelled")
    office.send(f"{page}/cancel", form).says("This was done already")
    assert world.count("refunds") == 1
    assert acts(world) == [("subscription.cancel", "done")]


def test_two_operators_who_cancel_at_once_cancel_once(world: World) -> None:
    page = bought(world)
    forms = []
    for login in ("finance", "admin"):
        office = Visitor(world, login).open(f"{page}/cancel")
        forms.append((office, filled(office) | {"when": "now", "money": "unused"}))
    answers: list[int] = []
    barrier = Barrier(2)

    def press(office: Visitor, form: dict[str, str]) -> None:
        barrier.wait(10)
        answers.append(office.client.post(f"{page}/cancel", data=form).status_code)

    threads = [Thread(target=press, args=one) for one in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [303, 409]
    assert world.count("refunds") == 1
    done = [outcome for _, outcome in acts(world)]
    assert done.count("done") == 1
    assert len(done) == 2


# Resuming, granting


@on_sqlite
def test_resuming_says_what_will_be_charged_and_switches_renewal_on(world: World) -> None:
    page = bought(world)
    office = Visitor(world, "support").open(f"{page}/cancel").press("Cancel subscription")
    office.click("Switch renewal on").says("RUB 299.00 is charged on 10 February 2027, 12:00 MSK with Visa ·· 4242")
    office.press("Switch renewal on").says("Renewal is switched on.", "renews by itself")
    assert acts(world) == [("subscription.cancel", "done"), ("subscription.resume", "done")]


@on_sqlite
def test_without_a_method_nothing_can_be_resumed(world: World) -> None:
    page = bought(world)
    office = Visitor(world, "support").open(f"{page}/cancel").press("Cancel subscription")
    form = filled(office.open(f"{page}/resume"))
    Visitor(world).open("/cabinet/methods").click("Remove").press("Remove")
    office.send(f"{page}/resume", form)
    assert office.status == 409
    office.says("There is no payment method that may be charged")
    assert acts(world)[-1] == ("subscription.resume", "method_required")


def test_a_grant_moves_the_end_and_the_next_charge(world: World) -> None:
    office = Visitor(world, "support").open(bought(world)).click("Grant days")
    office.says("on 10 February 2027, 12:00 MSK", "7 10 February 2027, 12:00 MSK 17 February 2027, 12:00 MSK")
    office.press("Grant days", days="10", note="the last tram stood still")
    office.says("Time is granted, until 20 February 2027.", "Paid until 20 February 2027 and renews by itself.")
    office.says("granted by an operator", "20 February 2027, 12:00 MSK: RUB 299.00 is charged")
    assert acts(world) == [("subscription.grant", "done")]
    world.drain()
    assert world.rights("alice")["entitlements"][0]["until"] == "2027-02-27T09:00:00Z"


@on_sqlite
def test_days_are_a_whole_number_of_at_most_a_leap_year(world: World) -> None:
    office = Visitor(world, "support").open(bought(world)).click("Grant days")
    before = world.counts()
    for days in ("", "0", "367", "-1", "1.5", "seven", "١", "9999999999"):
        office.press("Grant days", days=days, note="kept")
        assert office.status == 422, days
        office.says("Enter a whole number from 1 to 366", "kept")
        assert office.page.find(".//input[@id='days']").get("value") == days
    assert world.counts() == before


@on_sqlite
def test_what_ended_meanwhile_is_told_with_how_it_stands(world: World) -> None:
    page = bought(world)
    office, other = Visitor(world, "support").open(f"{page}/grant"), Visitor(world, "support").open(f"{page}/cancel")
    Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription", when="now")
    before = world.counts()
    office.press("Grant days")
    assert office.status == 409
    office.says("There is a problem", "Only a subscription that is active can be prolonged")
    other.press("Cancel subscription")  # at the period's end: it is so already
    assert other.status in (200, 409)
    assert world.counts() == before


# Rights


@on_sqlite
def test_who_lacks_a_right_sees_no_button_and_is_refused(world: World) -> None:
    page = bought(world)
    rights = {
        "viewer": set[str](),
        "product": set[str](),
        "finance": {"cancel"},
        "support": {"cancel", "grant"},
        "admin": {"cancel", "grant"},
    }
    for login, has in rights.items():
        office = Visitor(world, login).open(page)
        seen = {link.split("?")[0].rpartition("/")[2] for link in office.links()} & {"cancel", "resume", "grant"}
        assert seen == has, login
        token = csrf_of(office.answer.text)
        for act in ("cancel", "grant", "resume"):
            allowed = act in has or (act == "resume" and "cancel" in has)
            assert (office.client.get(f"{page}/{act}").status_code == 403) is not allowed, (login, act)
            if not allowed:
                answer = office.client.post(f"{page}/{act}", data={"csrf_token": token, "act": "", "when": "now"})
                assert answer.status_code == 403
    assert {outcome for _, outcome in acts(world)} == {"forbidden"}
    assert world.one("SELECT state, auto_renew FROM subscriptions") == {"state": "active", "auto_renew": True}


@on_sqlite
def test_money_goes_back_only_by_those_who_may_refund(world: World) -> None:
    page = bought(world)
    office = Visitor(world, "support").open(f"{page}/cancel")
    office.says("Those who may refund can give it back")
    assert "shown" not in filled(office)
    forged = filled(office) | {"when": "now", "money": "unused", "shown": "29900", "currency": "RUB"}
    assert office.send(f"{page}/cancel", forged).status == 403
    assert acts(world) == [("subscription.cancel", "forbidden")]
    assert world.count("refunds") == 0
    assert world.one("SELECT state FROM subscriptions") == {"state": "active"}


@on_sqlite
def test_looking_never_writes_and_a_form_without_its_token_does_nothing(world: World) -> None:
    page = bought(world)
    before = world.counts()
    office = Visitor(world, "admin")
    for path in ("", "/cancel", "/grant", "/resume"):
        assert office.open(f"{page}{path}").status == 200
    for act in ("cancel", "grant", "resume"):
        assert office.send(f"{page}/{act}", {"when": "now", "days": "3"}).status == 400
    assert world.counts() == before
    assert world.count("activity") == 0


@on_sqlite
def test_neither_list_nor_page_sends_more_statements_for_more_rows(world: World) -> None:
    page = bought(world)
    statements, office = Statements(world), Visitor(world, "viewer")
    few = [statements.of(office, path) for path in ("/admin/subscriptions/", page)]
    for login in ("boris", "clara"):
        world.bought(login)
    for _ in range(3):
        world.clock.at += DAY
        world.bought("alice")
    assert [statements.of(office, path) for path in ("/admin/subscriptions/", page)] == few
    assert max(few) <= 20
