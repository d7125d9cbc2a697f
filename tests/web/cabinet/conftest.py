from __future__ import annotations

import pytest

from tests.web.cabinet.site import Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site().install(monkeypatch)
