"""The plans on sale: the front door, open to all."""

from __future__ import annotations

from itertools import groupby

from flask import render_template

from portal import runtime
from portal.queries import offers, subscriptions
from portal.queries.offers import Offer
from portal.queries.subscriptions import SubscriptionCard
from portal.web.locale import reader


def plans() -> str:
    now = runtime.clock.now()
    on_sale = offers.on_sale(runtime.policy.currency, now)
    person = reader()
    cards = subscriptions.of_user(person.id, now, runtime.policy) if person else []
    return render_template("cabinet/plans.html", groups=_groups(on_sale), owned=_owned(cards), tried=_tried(cards))


def _groups(on_sale: list[Offer]) -> dict[str, list[Offer]]:
    """By group, groups and plans in the operators' order."""
    order = {offer.plan.group: place for place, offer in reversed(list(enumerate(on_sale)))}
    sorted_ = sorted(on_sale, key=lambda offer: order[offer.plan.group])
    return {group: list(found) for group, found in groupby(sorted_, key=lambda offer: offer.plan.group)}


def _owned(cards: list[SubscriptionCard]) -> dict[str, SubscriptionCard]:
    """What the reader already has, by group: there is at most one live subscription in each."""
    return {card.subscription.group: card for card in cards if card.subscription.live}


def _tried(cards: list[SubscriptionCard]) -> set[str]:
    """The groups in which the reader has had a trial: there is no other."""
    return {card.subscription.group for card in cards if card.subscription.trial_end}
