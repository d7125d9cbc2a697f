"""Publishing where there is no broker: the same message by POST, and any 2xx is the confirm."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

import httpx

from portal import failpoints
from portal.outbox.message import CONTENT_TYPE, Message, Receipt

DEADLINE = 10.0  # seconds for one message, everything included


class HttpPublisher:
    def __init__(self, url: str, token: str, deadline: float = DEADLINE) -> None:
        self._url = url
        self._token = token
        self._deadline = deadline
        self._client = self._new_client()

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        receipts: list[Receipt] = []
        for message in messages:
            receipts.append(self._publish(message))
            if receipts[-1].away:
                break
            failpoints.reached("relay.between")
        return receipts

    def close(self) -> None:
        self._client.close()

    def _publish(self, message: Message) -> Receipt:
        """httpx limits each wait but not their sum, so that the sum is waited for here."""
        client, answers = self._client, queue.SimpleQueue[Receipt]()
        threading.Thread(target=lambda: answers.put(self._post(client, message)), daemon=True).start()
        try:
            return answers.get(timeout=self._deadline)
        except queue.Empty:
            self._client = self._new_client()  # the old one may still be listening to a trickle
            return Receipt(f"no answer within {self._deadline:g} s", away=True)

    def _post(self, client: httpx.Client, message: Message) -> Receipt:
        headers = {"Content-Type": CONTENT_TYPE, "X-Message-Id": message.id}
        try:
            with client.stream("POST", self._url, content=message.body, headers=headers) as answer:
                status = answer.status_code
        except httpx.HTTPError as error:
            return Receipt(f"{type(error).__name__}: {error}", away=True)
        if 200 <= status < 300:
            return Receipt()
        return Receipt(f"HTTP {status}", away=status >= 500 or status in (401, 404, 429))

    def _new_client(self) -> httpx.Client:
        return httpx.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=self._deadline)
