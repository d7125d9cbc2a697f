"""Buying a plan: from the order to what Auth believes."""

from __future__ import annotations

from tests.world import World


def test_a_paid_order_becomes_a_live_subscription_with_one_period(world: World) -> None:
    alice = world.sign_in("alice")
    started = world.buy(alice)
    assert [one["status"] for one in alice.get("/subscriptions").json] == ["pending"]

    world.pay(started["redirect_url"])
    world.drain()

    invoice = alice.get(f"/invoices/{started['invoice_guid']}").json
    assert invoice["state"] == "paid"
    assert invoice["sent_to_queue"] is True
    (subscription,) = alice.get("/subscriptions").json
    assert subscription["status"] == "active"
    assert subscription["current_period"] == {"from": "2027-01-10T09:00:00Z", "to": "2027-02-10T09:00:00Z"}
    assert subscription["next"] == {
        "what": "renewal",
        "at": "2027-02-10T09:00:00Z",
        "price": {"amount": 299.0, "currency": "RUB"},
    }
    assert world.count("periods") == 1


def test_auth_withdraws_the_old_token_and_the_next_one_opens_the_film(world: World) -> None:
    alice = world.sign_in("alice")
    started = world.buy(alice)
    world.pay(started["redirect_url"])
    world.drain()

    bearer = {"Authorization": f"Bearer {alice.token}"}
    assert alice.client.get("/auth/check", headers=bearer).status_code == 401
    fresh = {"Authorization": f"Bearer {world.sign_in('alice').token}"}
    assert alice.client.get("/auth/check", headers=fresh).status_code == 200
    rights = world.rights("alice")
    assert (rights["version"], rights["tokens_from_version"]) == (1, 1)
    assert [right["plan"] for right in rights["entitlements"]] == ["standard"]
