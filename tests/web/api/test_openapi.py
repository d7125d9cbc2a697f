"""The API's document: complete, true, and readable as a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5lib
import jsonschema_rs
import pytest
import schemathesis

from portal.domain.errors import Refused
from portal.web.api.document import operations, refusals
from portal.web.errors import HTTP_WORDS
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
    read.validate()  # against the OpenAPI initiative's own schema of 3.1
    assert len([*read.get_all_operations()]) == len([*operations(document)])


def test_a_document_that_is_no_openapi_would_be_noticed(document: dict[str, Any]) -> None:
    document["paths"]["/api/v1/plans"]["get"]["responses"] = {"fine": {}}
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict(document).validate()


def test_every_schema_is_json_schema_2020_12_with_patterns_that_all_can_read(document: dict[str, Any]) -> None:
    parameters, headers = document["components"]["parameters"], document["components"]["headers"]
    schemas = [*document["components"]["schemas"].values()]
    schemas += [one["schema"] for one in (*parameters.values(), *headers.values())]
    for _, _, operation in operations(document):
        schemas += [one["schema"] for one in operation["parameters"] if "$ref" not in one]
    for schema in schemas:
        for pattern in re.findall(r"'pattern': '([^']+)'", str(schema)):
            re.compile(pattern.replace("\\\\", "\\"))
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(document))):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        answers = [answer for answer in operation["responses"].values() if "content" in answer]
        for body in [*bodies, *answers]:
            content = body["content"]["application/json"]
            whole = {**content["schema"], "components": document["components"]}
            words = document["components"]["examples"]
            shown = [words[error_id]["value"] for error_id in content["examples"]] if "examples" in content else []
            for example in shown or [content["example"]]:
                jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(example)
    for one in (*document["components"]["parameters"].values(), *document["components"]["headers"].values()):
        for example in one["schema"].get("examples", ()):
            jsonschema_rs.Draft202012Validator(one["schema"]).validate(example)


def test_everything_that_is_sent_or_answered_has_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        for one in operation["parameters"]:
            assert "$ref" in one or one["schema"]["examples"], where
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["example"], where
        for status, answer in operation["responses"].items():
            if status != "304":
                content = answer["content"]["application/json"]
                assert content.get("example") or content.get("examples"), f"{where} {status}"
    for name, one in document["components"]["parameters"].items():
        assert one["schema"]["examples"], name


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
            if status not in ("200", "304"):
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


# Words for pages, for the back office and for payment systems: no call of the API ends in them.
OF_PAGES = {"csrf_expired", "erasure_changed", "erasure_waits", "invoice_not_payable"}
OF_THE_BACK_OFFICE = {
    *("already_done", "code_taken", "content_erased", "not_askable", "not_decidable", "not_grantable", "not_parkable"),
    *("plan_not_sellable", "plan_sold", "price_exists", "sum_changed", "too_many_rows", "too_many_users"),
}
OF_WEBHOOKS = {"bad_signature"}
OF_NOBODY = {"refused", "conflict"}  # the families' names


def test_every_word_that_a_refusal_can_have_is_listed_once(document: dict[str, Any]) -> None:
    """A new one has to be put in its place: either a call says that it may answer it, or it stands above."""
    listed = document["components"]["examples"]
    raised = {"csrf_expired", "internal_error", *HTTP_WORDS.values(), *(kind.error_id for kind in kinds(Refused))}

    assert set(listed) == raised - OF_PAGES - OF_THE_BACK_OFFICE - OF_WEBHOOKS - OF_NOBODY
    assert all(one["value"]["error_id"] == error_id for error_id, one in listed.items())
    used = {error_id for _, _, operation in operations(document) for _, error_id in refusals(operation)}
    assert set(listed) - used == {"method_not_allowed", "internal_error"}


def kinds(kind: type[Refused]) -> Iterator[type[Refused]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from kinds(narrower)


def test_the_table_of_refusals_in_the_docs_says_what_the_document_says(world: World, document: dict[str, Any]) -> None:
    told = {error_id: status for status, error_id in re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCS.read_text(), re.M)}
    every = [one for _, _, operation in operations(document) for one in refusals(operation)]
    promised = {error_id: status for status, error_id in every}

    assert told == promised | {"method_not_allowed": "405", "internal_error": "500"}
    listed = document["components"]["examples"]
    assert {error_id: one["summary"].partition(":")[0] for error_id, one in listed.items()} == told
    page = world.app.test_client().get("/docs").text.partition('id="refusals"')[2]
    assert {error_id: status for status, error_id in re.findall(r"<dt>(\d+) <code>(\w+)</code>", page)} == told
