"""A client that holds every answer of the API against the document that describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Map
from werkzeug.test import TestResponse

PREFIX = "/api/v1/"
MAY_BE_ABSENT = {"Link", "Retry-After"}


class Promise:
    """What the document of one application says of its answers."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    @cached_property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = FlaskClient(self.app).get("/api/v1/openapi.json").json
        return document

    def hold(self, response: TestResponse) -> None:
        """Fails where an answer has a status, a header or a body that the document does not know."""
        path, method = self._template(response.request.path, response.request.method)
        if path is None:
            self._fits(response.json, {"$ref": "#/components/schemas/ErrorBody"})
            assert response.status_code in (404, 405)
            return
        operation = self.document["paths"][path][method]
        promised = operation["responses"].get(str(response.status_code))
        assert promised, f"{method} {path} answered {response.status_code}: {response.text}"
        assert set(promised["headers"]) - set(response.headers.keys()) <= MAY_BE_ABSENT, f"{method} {path}"
        if "content" not in promised:
            assert response.data == b""
            return
        content = promised["content"][response.mimetype]
        self._fits(response.json, content["schema"])
        if response.status_code != 200:
            assert response.json["error_id"] in content["examples"], f"{method} {path}: {response.text}"

    def _template(self, path: str, method: str) -> tuple[str | None, str]:
        urls: Map = self.app.url_map
        found = urls.bind("portal.test").test(path, method)
        if not found:
            return None, ""
        rule, _ = urls.bind("portal.test").match(path, method, return_rule=True)
        return template_of(rule.rule), method.lower()

    def _fits(self, body: object, schema: Mapping[str, Any]) -> None:
        whole = {**schema, "components": self.document["components"]}
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(body)


def template_of(rule: str) -> str:
    """`/x/<uuid:guid>` as the document writes it: `/x/{guid}`."""
    return re.sub(r"<(\w+:)?(\w+)>", r"{\2}", rule)


def promising_client(promise: Promise) -> type[FlaskClient]:
    class Client(FlaskClient):
        def open(self, *args: Any, **more: Any) -> TestResponse:
            response = super().open(*args, **more)
            if response.request.path.startswith(PREFIX) and (response.is_json or response.status_code == 304):
                promise.hold(response)
            return response

    return Client
