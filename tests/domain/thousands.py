"""For what is said of money: more cases of each property than elsewhere, thousands of them together."""

from __future__ import annotations

from hypothesis import settings

of_cases = settings(max_examples=300)
