"""Identifiers: version 7, ordered by time, never the same twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.ids import new_id
from portal.domain.payment import payment_id_of
from portal.domain.refund import refund_id_of
from tests.domain import samples

moments = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(moments)
def test_an_identifier_is_a_version_7_uuid_of_its_moment(at: datetime) -> None:
    made = new_id(at)
    assert (made.version, made.variant) == (7, RFC_4122)
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)
    assert timedelta(milliseconds=-1) <= at - since <= timedelta(milliseconds=1)


@given(moments, st.timedeltas(timedelta(milliseconds=2), timedelta(days=400)))
def test_later_identifiers_sort_after_earlier_ones(at: datetime, later: timedelta) -> None:
    assert new_id(at) < new_id(at + later)
    assert str(new_id(at)) < str(new_id(at + later))


@pytest.mark.fault("A2")
def test_ten_thousand_identifiers_of_one_moment_all_differ() -> None:
    assert len({new_id(samples.NOW) for _ in range(10_000)}) == 10_000


def test_references_name_the_row_they_were_built_from() -> None:
    payment, refund = samples.payment(), samples.refund()
    assert payment_id_of(payment.reference) == payment.id
    assert refund_id_of(refund.reference) == refund.id


@pytest.mark.parametrize(
    "reference", ["", "payment", "payment:", "payment:1", "invoice:" + str(UUID(int=1)), str(UUID(int=1))]
)
def test_a_reference_of_nothing_of_ours_names_nothing(reference: str) -> None:
    assert payment_id_of(reference) is None
    assert refund_id_of(reference) is None


def test_a_reference_of_a_payment_is_none_of_a_refund() -> None:
    assert refund_id_of(samples.payment().reference) is None
    assert payment_id_of(samples.refund().reference) is None
