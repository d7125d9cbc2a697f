"""Examples of whole bodies, put together from the examples of their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """An example of a schema; optional members without one are left out."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], schemas)
    if schema.get("type") == "array":
        return [sample(schema["items"], schemas)]
    if schema.get("type") == "object":
        return _sample_object(schema, schemas)
    return {"string": "...", "integer": 1, "number": 1.0, "boolean": True}.get(schema.get("type", ""))


def _sample_object(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        name: sample(member, schemas)
        for name, member in schema.get("properties", {}).items()
        if name in required or "examples" in member
    }
