"""The description of the messages is true, and says no less than the messages do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from portal.demo.auth.events import read
from portal.domain.access import RESTATED
from portal.domain.states import EDGES
from portal.outbox.message import CONTENT_TYPE
from portal.outbox.topology import Topology
from tests.outbox.described import DOCS, EVENT, SCHEMA

DESCRIBED: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
MESSAGE = DESCRIBED["components"]["messages"]["rights"]
EXAMPLES = {one["name"]: one["payload"] for one in MESSAGE["examples"]}


def without(message: dict[str, Any], *path: str) -> dict[str, Any]:
    if len(path) == 1:
        return {name: value for name, value in message.items() if name != path[0]}
    return message | {path[0]: without(message[path[0]], *path[1:])}


def test_the_description_is_valid_asyncapi() -> None:
    published = Path(__file__).parent / "specs" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    schema = json.loads(published.read_text())
    assert [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(DESCRIBED)] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_message_that_the_demo_auth_reads(name: str) -> None:
    EVENT.validate(EXAMPLES[name])
    assert read(EXAMPLES[name]).version > 0


def test_every_type_that_is_told_is_described_and_no_other() -> None:
    told = {edge.tells for edges in EDGES.values() for edge in edges if edge.tells}
    assert set(SCHEMA["properties"]["type"]["enum"]) == told | {RESTATED}


def test_the_names_at_the_broker_are_those_that_are_declared() -> None:
    usual, channels = Topology(), DESCRIBED["channels"]
    assert channels["events"]["bindings"]["amqp"]["exchange"]["name"] == usual.exchange
    assert channels["events"]["address"] == usual.pattern
    assert channels["auth"]["address"] == channels["auth"]["bindings"]["amqp"]["queue"]["name"] == usual.queue
    assert f"{usual.dead_exchange} to {usual.dead_queue}" in channels["auth"]["title"]
    assert replace(usual, queue="other").dead_queue == "other.dead"
    assert MESSAGE["contentType"] == CONTENT_TYPE


REQUIRED = [(name,) for name in SCHEMA["required"]]
REQUIRED += [("data", name) for name in SCHEMA["properties"]["data"]["required"]]


@pytest.mark.parametrize("path", REQUIRED, ids=".".join)
def test_a_message_without_something_that_is_promised_is_refused(path: tuple[str, ...]) -> None:
    assert not EVENT.is_valid(without(EXAMPLES["bought"], *path))


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", 0), ("version", "1"), ("tokens_from_version", -1), ("revoke_before", "soon"), ("subscriptions", None)],
)
def test_a_message_with_something_else_than_is_promised_is_refused(field: str, value: object) -> None:
    example = EXAMPLES["bought"]
    assert not EVENT.is_valid(example | {"data": example["data"] | {field: value}})
