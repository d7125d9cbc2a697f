"""Somebody who reads pages, follows links and presses buttons, as a browser without JavaScript would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask.testing import FlaskClient

from tests.web.cabinet.site import parsed, words
from tests.world import World, path_of

HERE = "http://localhost"


class Visitor:
    def __init__(self, world: World, login: str = "alice", language: str = "en") -> None:
        self.world, self.login = world, login
        self.client: FlaskClient = world.browser(login, language)
        self.signed_in_at = world.clock.at
        self.clicks = 0
        self.path = ""
        self.status = 0
        self.page: Any = None
        self.read = ""

    def open(self, path: str) -> Visitor:
        self._renew_sign_in()
        return self._arrive(self.client.get(path), path)

    def click(self, label: str) -> Visitor:
        """The link of the page's own part that is named so, else the first that begins so."""
        links = [a for a in self.page.find(".//main").iter("a") if _text(a).startswith(label)]
        links.sort(key=lambda link: _text(link) != label)
        assert links, f"no link {label!r} on {self.path}: {self.read}"
        self.clicks += 1
        return self.open(path_of(urljoin(HERE + self.path, links[0].get("href"))))

    def press(self, label: str, **fields: str) -> Visitor:
        """The button that is named so, with the form as it stands and what is filled in."""
        form, button = self._button(label)
        sent = dict(_filled(form)) | fields
        if button.get("name"):
            sent[button.get("name")] = button.get("value")
        self.clicks += 1
        return self.send(form.get("action"), sent)

    def send(self, action: str, sent: dict[str, str]) -> Visitor:
        self._renew_sign_in()
        return self._arrive(self.client.post(action, data=sent), action)

    def says(self, *texts: str) -> bool:
        missing = [text for text in texts if text.replace("\u00a0", " ") not in self.read]
        assert not missing, f"{missing} not on {self.path}: {self.read}"
        return True

    def links(self) -> list[str]:
        return [a.get("href") for a in self.page.find(".//main").iter("a")]

    def _button(self, label: str) -> tuple[Any, Any]:
        for form in self.page.find(".//main").iter("form"):
            for button in form.iter("button"):
                if _text(button).startswith(label):
                    return form, button
        raise AssertionError(f"no button {label!r} on {self.path}: {self.read}")

    def _arrive(self, answer: Any, path: str) -> Visitor:
        for _ in range(5):
            if answer.status_code not in (302, 303) or _elsewhere(answer.location):
                break
            path = path_of(answer.location)
            answer = self.client.get(path)
        self.path, self.status, self.answer = path, answer.status_code, answer
        if ("html" in answer.content_type and answer.status_code < 300) or answer.status_code >= 400:
            self.page, self.read = parsed(answer.text), words(answer.text).replace("\u00a0", " ")
        return self

    def _renew_sign_in(self) -> None:
        if self.signed_in_at != self.world.clock.at:
            self.signed_in_at = self.world.clock.at
            token = self.world.sign_in(self.login).token
            self.client.set_cookie(self.world.settings.auth_cookie, token, domain="localhost")


def _elsewhere(location: str) -> bool:
    """A payment system's page is another house, also where it stands under our own roof."""
    return urlsplit(location).netloc.startswith("127.0.0.1") or path_of(location).startswith("/sandbox")


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).replace("\u00a0", " ").split())


def _filled(form: Any) -> Iterator[tuple[str, str]]:
    for field in form.iter():
        if field.tag == "textarea":
            yield field.get("name"), (field.text or "").removeprefix("\n")
        elif field.tag == "input" and (field.get("type") not in ("radio", "checkbox") or "checked" in field.attrib):
            yield field.get("name"), field.get("value", "on" if field.get("type") == "checkbox" else "")
