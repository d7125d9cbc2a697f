"""What others are promised of the messages, as they can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA: dict[str, Any] = json.loads((DOCS / "schemas" / "subscription-event-1.json").read_text())
EVENT = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
