"""A person at a browser, who notices everything a page must not do."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

WAITS = 20_000  # milliseconds; an upper bound for a busy machine, never waited out when all is well

# Told by the page itself as well: the console says it in the browser's words, this in the policy's.
TELL_OF_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`));
"""


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
        self.page.locator(f"button[name=login][value={login}]").click()

    def pay(self, card: str) -> None:
        """On the hosted page, whose first button pays."""
        for field, typed in {"card_number": card, "expiry": "12/34", "cvc": "123"}.items():
            self.page.locator(f"[name={field}]").fill(typed)
        self.page.locator("main form button").first.click()

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
