"""The books in the back office: the trial balance, one subscription's postings, and the file for an accountant."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.queries.office import ledger
from portal.queries.office.ledger import PostingListed
from portal.services import export_ledger
from portal.web.admin import ledger_csv
from tests.services.books import balances
from tests.services.desk import entries
from tests.web.admin.office import hidden, send
from tests.world import World

DAYS = {"from_day": "2027-01-01", "to_day": "2027-01-31"}


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def bought(world: World) -> World:
    """Alice has paid for January and February, Boris for a month."""
    world.bought("alice")
    world.bought("boris")
    world.pass_time(timedelta(days=22))
    return world


def saved(client: FlaskClient, **days: Any) -> TestResponse:
    return send(client, "/admin/ledger/export", "/admin/ledger/", **(DAYS | days))


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))


def test_the_trial_balance_says_what_each_account_comes_to(bought: World) -> None:
    page = bought.browser("viewer").get("/admin/ledger/?since=2027-01-31&until=2027-01-31").text
    assert "Money at sandbox" in page
    assert "RUB\xa0598.00 debit" in page
    assert "RUB\xa0414.74 credit" in page  # earned: twice 207.37
    together = page.partition("Together")[2].partition("</tr>")[0]
    assert together.count("RUB\xa00.00") == 2  # before and after
    assert together.count("RUB\xa0414.74") == 2  # debits and credits of the day


def test_a_subscription_leads_to_its_own_postings(bought: World) -> None:
    viewer = bought.browser("viewer")
    mine = bought.one("SELECT id FROM subscriptions WHERE user_id = 'alice'")["id"]
    path = f"/admin/ledger/?subscription={UUID(str(mine))}"
    assert path in viewer.get(f"/admin/subscriptions/{UUID(str(mine))}").text
    page = viewer.get(path).text
    assert "RUB\xa0299.00 debit" in page
    assert page.count("M-2027-000001") > 0 == page.count("M-2027-000002")
    assert viewer.get("/admin/ledger/?subscription=nobody").status_code == 200


def test_what_the_file_says_is_what_was_posted(bought: World) -> None:
    answer = saved(bought.browser("finance"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="ledger-2027-01-01-2027-01-31-20270201T090000Z.csv"'
    )
    assert answer.data.startswith(b"\xef\xbb\xbf")
    found = rows_of(answer)
    assert len(found) == bought.count("ledger_postings")
    assert found[0]["amount"] == "299.00"
    said: dict[str, float] = {}
    for row in found:
        said[row["debit"]] = said.get(row["debit"], 0) + float(row["amount"])
        said[row["credit"]] = said.get(row["credit"], 0) - float(row["amount"])
    assert {name: round(sum_ * 100) for name, sum_ in said.items() if round(sum_ * 100)} == {
        name: minor for (name, _), minor in balances(bought).items()
    }


def test_the_log_says_who_took_which_days_each_time(bought: World) -> None:
    client = bought.browser("finance")
    form = hidden(client.get("/admin/ledger/").text)
    for _ in range(2):
        assert client.post("/admin/ledger/export", data=form | DAYS).status_code == 200
    rows = bought.count("ledger_postings")
    assert [(one["operator"], one["act"], one["subject_id"], one["after"]) for one in entries(bought)] == [
        ("finance", "ledger.export", "2027-01-01/2027-01-31", {"rows": rows})
    ] * 2
    assert "Postings taken as a file" in client.get("/admin/activity/").text


def test_other_days_are_not_in_it(bought: World) -> None:
    assert rows_of(saved(bought.browser("finance"), from_day="2027-02-01", to_day="2027-02-28")) == []


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"from_day": ""}, "Enter a day as year-month-day"),
        ({"to_day": "31.01.2027"}, "Enter a day as year-month-day"),
        ({"from_day": "2027-02-01"}, "The last day is not before the first"),
    ],
)
def test_days_that_are_none_come_back_beside_their_field(bought: World, days: dict[str, str], told: str) -> None:
    answer = saved(bought.browser("finance"), **days)
    assert answer.status_code == 422
    assert told in answer.text
    assert entries(bought) == []


def test_too_many_rows_are_refused_and_never_cut_off(bought: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_ledger, "MOST", bought.count("ledger_postings") - 1)
    answer = saved(bought.browser("finance"))
    assert answer.status_code == 422
    assert "choose fewer days" in answer.text
    assert [(one["act"], one["outcome"]) for one in entries(bought)] == [("ledger.export", "too_many_rows")]


def test_a_long_file_comes_in_pieces_and_is_whole(bought: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "CHUNK", 3)
    numbers = [int(row["number"]) for row in rows_of(saved(bought.browser("finance")))]
    assert sorted(numbers) == sorted(set(numbers))
    assert len(numbers) == bought.count("ledger_postings")


@pytest.mark.fault("A10")
@pytest.mark.parametrize("cell", ["=1+1", "+7", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    posting = PostingListed(
        seq=1,
        day=date(2027, 1, 31),
        at=datetime(2027, 1, 31, tzinfo=UTC),
        event="revenue_earned",
        debit="deferred",
        credit="revenue",
        amount_minor=1,
        currency="JPY",
        user_id=cell,
        subscription_id=UUID(int=1),
        invoice_id=UUID(int=2),
        payment_id=None,
        refund_id=None,
        number="M-1",
    )
    text = "".join(ledger_csv.written([[posting]])).removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["customer"] == f"'{cell}"
    assert row["amount"] == "1"
