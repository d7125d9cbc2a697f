"""A person at a browser, who notices everything a page must not do."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

WAITS = 20_000  # milliseconds; an upper bound for a busy machine, never waited out when all is well

# Told by the page itself as well: the console says it in the browser's words, this in the policy's.
TELL_OF_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`));
"""

SEND = """([to, fields, token]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: to });
    if (token) fields.csrf_token = document.querySelector("[name=csrf_token]").value;
    for (const [name, value] of Object.entries(fields))
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    document.body.append(form);
    form.submit();
}"""


def press(target: Locator) -> None:
    """Click, and wait for the whole page that it leads to: a click alone ends when the first byte has come."""
    target.click()
    target.page.wait_for_load_state()


class Visitor:
    """`complaints`: errors on the console, errors of scripts, requests to another host, answers of 500 and more."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        context.set_default_timeout(WAITS)
        context.add_init_script(TELL_OF_VIOLATIONS)
        self.origin = origin
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def open(self, path: str) -> Page:
        self.page.goto(self.origin + path)
        return self.page

    def sign_in(self, login: str) -> None:
        """On the sign-in page."""
        press(self.page.locator(f"button[name=login][value={login}]"))

    def be(self, cookies: Mapping[str, str]) -> None:
        """Somebody else from now on: these are all the cookies there are. What polls is left first."""
        self.page.goto("about:blank")
        self.page.context.clear_cookies()
        given = [{"name": name, "value": value, "url": self.origin} for name, value in cookies.items()]
        self.page.context.add_cookies(given)  # type: ignore[arg-type]  # as playwright describes them

    def send(self, to: str, fields: Mapping[str, str], token: bool = True) -> Page:
        """A form of the page that stands open, with the token of that page, but with what one likes in it."""
        with self.page.expect_navigation():
            self.page.evaluate(SEND, [to, dict(fields), token])
        return self.page

    def pay(self, card: str) -> None:
        """On the hosted page, whose first button pays."""
        for field, typed in {"card_number": card, "expiry": "12/34", "cvc": "123"}.items():
            self.page.locator(f"[name={field}]").fill(typed)
        press(self.page.locator("main form button").first)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console at {self.page.url}: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.origin).netloc:
            self.complaints.append(f"a request to another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} at {response.url}")
