"""The API's document: complete, true, and readable as a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import html5lib
import jsonschema_rs
import pytest
import schemathesis

from portal.web.api.document import operations
from tests.web.api.promised import template_of
from tests.world import World

NOT_CALLS = {"/api/v1/docs"}
DOCS = Path(__file__).parents[3] / "docs" / "api.md"


@pytest.fixture
def engine() -> str:
    """What the document says does not depend on the database."""
    return "sqlite"


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.app.test_client().get("/api/v1/openapi.json").json
    return found


def test_every_route_of_the_api_stands_in_the_document_and_nothing_else_does(
    world: World, document: dict[str, Any]
) -> None:
    served = {
        (template_of(rule.rule), method.lower())
        for rule in world.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and rule.rule not in NOT_CALLS
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert {(path, method) for path, method, _ in operations(document)} == served


def test_it_is_openapi_3_1_and_tools_can_read_it(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    read = schemathesis.openapi.from_dict(document)
    assert len([*read.get_all_operations()]) == len([*operations(document)])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(document))):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in [*bodies, *operation["responses"].values()]:
            content = body["content"]["application/json"]
            whole = {**content["schema"], "components": document["components"]}
            shown = [one["value"] for one in content.get("examples", {}).values()]
            for example in [*shown, *([content["example"]] if "example" in content else [])]:
                jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(example)


def test_every_call_says_who_may_call_what_it_answers_and_how_it_refuses(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        demanded = {name for demand in operation["security"] for name in demand}
        assert demanded <= set(schemes), where
        expected = {"200", "429", "503"} | ({"401"} if demanded else set())
        expected |= {"400", "409", "413", "415", "422"} if method == "post" else set()
        expected |= {"404"} if "uuid" in str(operation["parameters"]) else set()
        assert expected <= set(operation["responses"]), where
        for status, response in operation["responses"].items():
            if status != "200":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, where


def test_what_is_open_to_all_and_what_is_for_services(document: dict[str, Any]) -> None:
    by_caller: dict[str, set[str]] = {}
    for path, _, operation in operations(document):
        for name in [name for demand in operation["security"] for name in demand] or ["anybody"]:
            by_caller.setdefault(name, set()).add(path)

    assert by_caller["anybody"] == {"/api/v1/plans", "/api/v1/openapi.json"}
    assert by_caller["service"] == {"/api/v1/users/{guid}/entitlements"}


def test_the_page_names_every_call_and_takes_nothing_from_elsewhere(world: World, document: dict[str, Any]) -> None:
    answer = world.app.test_client().get("/docs")

    assert answer.status_code == 200
    page = answer.text
    for path, _, operation in operations(document):
        assert path in page
        assert operation["summary"] in page.replace("&#39;", "'")
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert [*tree.iter("script")] == []
    assert not re.findall(r"\s(?:style|on[a-z]+)=", page)
    for element in tree.iter():
        for address in (element.get("src"), element.get("href")):
            assert address is None or address.startswith(("/", "#")), address


def test_the_page_is_found_beside_the_api_too(world: World) -> None:
    answer = world.app.test_client().get("/api/v1/docs")

    assert (answer.status_code, answer.headers["Location"]) == (308, "/docs")


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_method_that_no_path_takes_is_refused(world: World, method: str) -> None:
    answer = world.app.test_client().open("/api/v1/refunds", method=method)

    assert (answer.status_code, answer.json["error_id"]) == (405, "method_not_allowed")


def test_the_table_of_refusals_in_the_docs_says_what_the_document_says(document: dict[str, Any]) -> None:
    told = {error_id: status for status, error_id in re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCS.read_text(), re.M)}
    promised = {
        error_id: status
        for _, _, operation in operations(document)
        for status, response in operation["responses"].items()
        for error_id in response["content"]["application/json"].get("examples", {})
    }

    assert told == promised | {"method_not_allowed": "405"}
