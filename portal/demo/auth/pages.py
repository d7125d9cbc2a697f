"""Signing in, renewing and signing out in a browser."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.demo.auth.service import AuthService, Tokens, UnknownPerson
from portal.demo.auth.words import WORDS
from portal.demo.rooms import comes_from_elsewhere, language, safe_next

# Cookies outlive the access token: an expired one has to arrive to be sent to its refresh, not to the sign-in page.
COOKIE_LIVES_FOR = 400 * 24 * 3600  # seconds, the longest browsers keep one


class Pages:
    def __init__(self, service: AuthService, cookie_name: str, secure_cookies: bool) -> None:
        self._service = service
        self._cookie = cookie_name
        self._refresh_cookie = f"{cookie_name}_refresh"
        self._secure = secure_cookies

    def login(self) -> Any:
        if request.method == "GET":
            return self._login_page()
        if comes_from_elsewhere():
            return self._login_page("elsewhere"), HTTPStatus.FORBIDDEN
        try:
            tokens = self._service.sign_in(request.form.get("login"))
        except UnknownPerson:
            return self._login_page("unknown"), HTTPStatus.NOT_FOUND
        return self._onwards(tokens, request.form.get("next"), HTTPStatus.SEE_OTHER)

    def refresh(self) -> AnyResponse:
        """Changes nothing but the cookie, so that a link may do it."""
        target = request.args.get("next")
        try:
            tokens = self._service.refresh(request.cookies.get(self._refresh_cookie))
        except UnknownPerson:
            return redirect(f"{url_for('login')}?{urlencode({'next': safe_next(target)})}")
        return self._onwards(tokens, target, HTTPStatus.FOUND)

    def logout(self) -> Any:
        if comes_from_elsewhere():
            return self._login_page("elsewhere"), HTTPStatus.FORBIDDEN
        self._service.sign_out(request.cookies.get(self._refresh_cookie, ""))
        answer = redirect(safe_next(request.form.get("next")), HTTPStatus.SEE_OTHER)
        answer.delete_cookie(self._cookie)
        answer.delete_cookie(self._refresh_cookie, path=self._here())
        return answer

    def _login_page(self, problem: str | None = None) -> str:
        lang = language()
        people = self._service.store.listed()
        return render_template(
            "auth/login.html",
            lang=lang,
            words=WORDS[lang],
            problem=problem,
            next=safe_next(request.values.get("next")),
            customers=[person for person in people if not person.roles and person.listed],
            cast=[person for person in people if not person.roles and not person.listed],
            operators=[person for person in people if person.roles],
        )

    def _onwards(self, tokens: Tokens, target: str | None, code: int) -> AnyResponse:
        answer = redirect(safe_next(target), code)
        self._set(answer, self._cookie, tokens.access, "/")
        self._set(answer, self._refresh_cookie, tokens.refresh, self._here())
        return answer

    def _set(self, answer: AnyResponse, name: str, value: str, path: str) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=COOKIE_LIVES_FOR,
            path=path,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    @staticmethod
    def _here() -> str:
        """The refresh token is for this room only."""
        return request.script_root or "/"


def add_pages(app: Flask, service: AuthService, *, cookie_name: str, secure_cookies: bool) -> None:
    pages = Pages(service, cookie_name, secure_cookies)
    app.add_url_rule("/login", "login", pages.login, methods=["GET", "POST"])
    app.add_url_rule("/refresh", "renew", pages.refresh, methods=["GET"])
    app.add_url_rule("/logout", "logout", pages.logout, methods=["POST"])
