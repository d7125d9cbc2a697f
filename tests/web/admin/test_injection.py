"""SQL in whatever an address may carry is a value like any other: no error of ours, and nothing is written."""

from __future__ import annotations

from itertools import product

import pytest

from tests.web.admin.office import furnish
from tests.web.api.refusals import Untouched
from tests.world import World

SQL = (
    "'; DROP TABLE payments; --",
    '" UNION SELECT 1, id FROM users --',
    "1) OR pg_sleep(0) IS NULL OR '%' LIKE '\\",
    "99999999999999999999",
)
# What lists, searches and pages read from their address. A word that a closed list or a calendar does not know hides
# the other filters, so that free text is tried without those as well.
TEXTS = ("q", "id", "user", "email", "subscription", "subject", "operator", "actor", "back", "product_id", "user_guid")
OTHERS = ("state", "kind", "type", "reason", "plan", "provider", "currency", "since", "until", "page", "page_limit")
PLACES = ("before", "after", "from_day", "to_day", "count", "trial", "product", "removed", "source", "next", "lang")
TRIED = (TEXTS, (*TEXTS, *OTHERS, *PLACES))
NOT_PAGES = ("/api", "/readyz")


@pytest.fixture
def engine() -> str:
    """The stricter of the two about what a text, a number and a moment are."""
    return "postgresql"


@pytest.mark.fault("N3")
def test_sql_in_an_address_is_a_value_or_refused(world: World) -> None:
    furnish(world)
    admin, alice = world.browser("admin"), world.sign_in("alice")
    rules = [rule for rule in world.app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    pages = [rule.rule for rule in rules if not rule.rule.startswith(NOT_PAGES)]
    calls = [rule.rule.removeprefix("/api/v1") for rule in rules if rule.rule.startswith("/api/v1/")]
    assert len([page for page in pages if page.startswith("/admin")]) > 10
    assert len(calls) > 2
    with Untouched(world):
        for value, names in product(SQL, TRIED):
            query = dict.fromkeys(names, value)
            for path in pages:
                assert admin.get(path, query_string=query).status_code < 500, (path, query)
            for path in calls:
                assert alice.get(path, query_string=query).status_code < 500, (path, query)
