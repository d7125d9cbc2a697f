"""Everything about one customer in one order, and the history of everybody."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest

from portal.domain.consent import Consent
from portal.presentation import timeline as words
from portal.queries.history import HistoryEntry
from portal.queries.office.history import HistoryLine
from portal.queries.office.timeline import Deed, Entry, Event, Webhook, newest_first
from tests.web.admin.statements import Statements
from tests.web.admin.test_customers import SAVES_THEN_DECLINES, page_of
from tests.web.admin.test_subscriptions import page_of as subscription_page
from tests.web.cabinet.visitor import Visitor
from tests.world import World

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
DAY = timedelta(days=1)
NOW = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)
MOSCOW = "Europe/Moscow"

EVENT = Event(7, "subscription.activated", 3, NOW, NOW)
WEBHOOK = Webhook(5, "sandbox", "payment.succeeded", "processed", NOW, NOW, "processed", "payment")
DEED = Deed(2, NOW, "support", "subscription.grant", "done", None, "a note")
CONSENT = Consent(UUID(int=9), "alice", "renewal", True, "2026-11", "cabinet", NOW, "en", None, None)
HISTORY = HistoryLine(
    HistoryEntry(4, NOW, None, "payment", UUID(int=1), "sent", "unknown", {}, {"en": "Standard"}),
    "alice",
    UUID(int=2),
    "created",
    "worker",
    "renewal",
)


def entries() -> list[Entry]:
    """Three moments, every source at each, several rows of a source at the last."""
    records = {"event": EVENT, "webhook": WEBHOOK, "act": DEED, "history": HISTORY}
    found = [
        Entry(NOW + n * DAY, source, 10 * n + seq, record)
        for n in range(3)
        for source, record in records.items()
        for seq in (1, 2, 10)
    ]
    return [*found, *(Entry(NOW + n * DAY, "consent", UUID(int=n), CONSENT) for n in range(3))]


# The order


@pytest.mark.parametrize("seed", range(20))
def test_however_rows_come_they_stand_in_one_order(seed: int) -> None:
    ordered = newest_first(entries())
    shuffled = entries()
    random.Random(seed).shuffle(shuffled)
    assert newest_first(shuffled) == ordered
    assert [entry.at for entry in ordered] == sorted((entry.at for entry in ordered), reverse=True)
    last_day = [entry.source for entry in ordered if entry.at == NOW]
    assert list(dict.fromkeys(last_day)) == ["event", "history", "webhook", "consent", "act"]
    assert [entry.seq for entry in ordered if entry.source == "history"][:3] == [30, 22, 21]


# The words


@pytest.mark.parametrize(
    ("source", "record", "said"),
    [
        ("event", EVENT, ("Event subscription.activated was sent, version 3.", "By itself", "calm")),
        ("event", replace(EVENT, published_at=None), ("Event subscription.activated waits to be sent", "", "warn")),
        ("webhook", WEBHOOK, ("Webhook payment.succeeded came in and was applied.", "Payment system sandbox", "calm")),
        ("webhook", replace(WEBHOOK, state="dead"), ("could not be applied", "sandbox", "bad")),
        ("act", DEED, ("Time granted", "Operator support", "calm")),
        ("act", replace(DEED, outcome="forbidden"), ("Time granted — Refused: no right to do it", "support", "bad")),
        ("consent", CONSENT, ("Agreed to be charged for renewals, version 2026-11.", "Customer alice", "calm")),
        ("consent", replace(CONSENT, given=False), ("Took back the consent to be charged", "alice", "calm")),
        ("history", HISTORY, ("Handed to the payment system", "By itself", "calm")),
    ],
)
def test_each_source_has_words_an_author_and_a_tone(source: str, record: object, said: tuple[str, str, str]) -> None:
    line = words.line(Entry(NOW, source, 1, record), "en", MOSCOW)  # type: ignore[arg-type]  # one of the records above
    assert said[0] in line.text
    assert said[1] in line.who
    assert line.tone == said[2]


def test_a_line_says_when_it_was_due_only_where_that_was_another_moment() -> None:
    due = replace(HISTORY, entry=replace(HISTORY.entry, due_at=NOW - DAY))
    on_time = replace(HISTORY, entry=replace(HISTORY.entry, due_at=NOW))
    assert words.history_line(due, "en", MOSCOW).due_at == NOW - DAY
    assert words.history_line(on_time, "en", MOSCOW).due_at is None


# The page


def lines(office: Visitor) -> list[str]:
    items = office.page.findall(".//ol/li")
    return [" ".join(" ".join(item.itertext()).replace("\u00a0", " ").split()) for item in items]


def lived(world: World) -> None:
    """A purchase, a declined renewal, an operator's note."""
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], SAVES_THEN_DECLINES)
    world.drain()
    Visitor(world, "support").open(f"{subscription_page(world)}/grant").press(
        "Grant days", days="1", note="told <script>alert(1)</script>"
    )
    world.clock.at += 33 * DAY
    world.pass_time(timedelta(minutes=1))


@on_sqlite
def test_the_timeline_tells_of_every_source_and_leads_to_every_record(world: World) -> None:
    lived(world)
    office = Visitor(world, "viewer").open(page_of("alice"))
    for text in (
        "Time granted told <script>alert(1)</script> Operator support",
        "The renewal could not be charged: Standard.",
        "was due 11 February 2027, 12:00 MSK",
        "Webhook payment.succeeded came in and was applied.",
        "Event subscription.past_due was sent, version 3.",
        "Agreed to the terms, version 2026-11.",
        "Handed to the payment system",
    ):
        assert any(text in line for line in lines(office)), text
    assert "<script>alert" not in office.answer.text
    records = {link.split("?")[0] for link in office.links() if link.split("?")[0].split("/")[2] in RECORDS}
    assert {record.split("/")[2] for record in records} == RECORDS
    for record in sorted(records):
        assert office.open(record).status == 200, record


RECORDS = {"history", "inbox", "outbox", "activity", "invoices", "payments", "subscriptions"}


@on_sqlite
def test_the_timeline_is_filtered_by_source(world: World) -> None:
    lived(world)
    office = Visitor(world, "viewer").open(page_of("alice"))
    everything = lines(office)
    parts = []
    for source in words.SOURCES:
        office.open(f"{page_of('alice')}&source={source}")
        parts += lines(office)
        assert office.page.find(".//option[@selected]").get("value") == source
    assert sorted(parts) == sorted(everything)
    office.open(f"{page_of('alice')}&source=act")
    assert len(lines(office)) == 1
    assert len(lines(office.click("Clear filters"))) == len(everything)
    assert office.path == page_of("alice")


@on_sqlite
def test_the_way_back_to_the_register_outlives_a_filter_of_the_timeline(world: World) -> None:
    world.bought("alice")
    office = Visitor(world, "viewer").open("/admin/customers/?state=active").click("alice@example.com")
    form = next(form for form in office.page.find(".//main").iter("form") if form.get("method") == "get")
    kept = {field.get("name"): field.get("value") for field in form.iter("input")}
    office.open(f"/admin/customers/customer?{urlencode(kept | {'source': 'payment'})}").click("← Customers")
    assert office.path == "/admin/customers/?state=active"


def test_the_pages_of_the_timeline_lose_nothing_in_either_direction(world: World) -> None:
    world.bought("alice")
    for _ in range(6):
        world.clock.at += DAY
        world.bought("alice")
    office = Visitor(world, "viewer").open(page_of("alice"))
    forwards = [lines(office)]
    while "Older" in office.read:
        forwards.append(lines(office.click("Older")))
    rows = sum(world.count(table) for table in ("history", "inbox", "outbox", "consents"))
    assert sum(len(page) for page in forwards) == rows > 60
    assert [len(page) for page in forwards[:-1]] == [50] * (len(forwards) - 1)
    backwards = [lines(office)]
    while "Newer" in office.read:
        backwards.append(lines(office.click("Newer")))
    assert backwards[::-1] == forwards
    records = [line.rpartition("Record")[2] + line[:30] + line[-60:] for page in forwards for line in page]
    assert len(set(records)) == len(records)


@on_sqlite
def test_the_timeline_reads_as_many_statements_for_many_rows_as_for_few(world: World) -> None:
    world.bought("alice")
    statements, office = Statements(world), Visitor(world, "viewer")
    few = statements.of(office, page_of("alice"))
    for _ in range(6):
        world.clock.at += DAY
        world.bought("alice")
    assert statements.of(office, page_of("alice")) == few


@on_sqlite
def test_a_cursor_that_is_none_of_ours_is_refused(world: World) -> None:
    world.bought("alice")
    office = Visitor(world, "viewer")
    places = [
        "null",
        "[]",
        '["2027-01-10T09:00:00", "act", "1"]',
        '["2027-01-10T09:00:00Z", 99999999999999999999]',
        '["2027-01-10T09:00:00Z", "act", "99999999999999999999"]',
        '["2027-01-10T09:00:00Z", "\\u0000"]',
        '["0001-01-01T00:00:00+14:00", "act", "1"]',
        '["0001-01-01T00:00:00+14:00", 1]',
    ]
    cursors = ["x", *(urlsafe_b64encode(place.encode()).decode().rstrip("=") for place in places)]
    for path in (page_of("alice") + "&", "/admin/history/?", "/admin/customers/?", "/admin/subscriptions/?"):
        for cursor in cursors:
            assert office.open(f"{path}before={cursor}").status == 400, (path, cursor)


# Everybody's history


def test_the_whole_history_is_filtered_by_what_who_and_when(world: World) -> None:
    world.bought("alice")
    world.clock.at += 2 * DAY
    world.bought("clara")
    office = Visitor(world, "viewer")
    for query, count in {
        "": 16,
        "kind=subscription": 4,
        "kind=payment&event=created": 2,
        "event=first_paid&user=clara": 1,
        "user=alice@example.com": 8,
        "user=nobody": 0,
        "actor=user:alice": 4,
        "actor=worker": 0,
        "since=2027-01-11": 8,
        "until=2027-01-10": 8,
        "since=2027-01-11&until=2027-01-11": 0,
        "since=2027-01-10&until=2027-01-12&kind=invoice": 4,
    }.items():
        office.open(f"/admin/history/?{query}")
        assert len(office.page.findall(".//tbody/tr")) == count, query
    office.open("/admin/history/")
    numbers = [int(link.split("/")[3].split("?")[0]) for link in office.links() if "/admin/history/" in link[:16]]
    assert numbers == sorted(numbers, reverse=True)


@on_sqlite
def test_a_line_of_the_history_opens_whole(world: World) -> None:
    world.bought("alice")
    office = Visitor(world, "viewer").open("/admin/history/?kind=invoice").click("7")
    office.says("History, line 7", "invoice.paid", "not_paid → paid", "provider:sandbox", '"number": "M-2027-000001"')
    office.click("← Back")
    assert office.path == "/admin/history/?kind=invoice"
    for missing in ("/admin/history/999", "/admin/history/99999999999999999999"):
        assert office.open(missing).status == 404
