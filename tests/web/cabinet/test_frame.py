"""What every page shares: languages, header, footer, errors."""

from __future__ import annotations

import pytest

from portal.domain.user import Person
from tests.web.cabinet.site import TOKEN, Site, parsed, words

EVERYWHERE = [
    "/",
    "/terms",
    "/privacy",
    "/cabinet",
    "/cabinet/invoices",
    "/cabinet/history",
    "/buy/premium",
    "/nowhere",
]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_page_is_sound_has_one_heading_a_way_past_the_menu_and_help(site: Site, path: str, language: str) -> None:
    answer = site.client(language).get(path)
    page = parsed(answer.text)
    assert page.get("lang") == language
    assert len(page.findall(".//h1")) == 1
    assert page.find(".//title").text.endswith(" · Matinee")
    assert page.find(".//body")[0].get("href") == "#main"
    assert page.find(".//footer//a").get("href") == "mailto:support@matinee.example"
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_page_runs_under_a_strict_content_policy_and_stays_small(site: Site, path: str) -> None:
    answer = site.client().get(path)
    page = parsed(answer.text)
    assert len(answer.data) < 30_000
    for element in page.iter():
        assert "style" not in element.attrib
        assert not [name for name in element.attrib if name.startswith("on")]
    assert all(script.get("src") for script in page.iter("script"))
    assert not list(page.iter("style"))


def language_of(site: Site, accept: str = "", cookie: str = "", person: Person | None = None) -> str:
    site.person = person
    client = site.app().test_client()
    if cookie:
        client.set_cookie("lang", cookie)
    return str(parsed(client.get("/", headers={"Accept-Language": accept}).text).get("lang"))


def test_the_readers_choice_comes_before_auths_word_and_the_browsers(site: Site) -> None:
    russian = Person("a", locale="ru-RU")
    assert language_of(site, accept="ru", cookie="en", person=russian) == "en"
    assert language_of(site, accept="en", person=russian) == "ru"
    assert language_of(site, accept="en-GB,ru;q=0.5") == "en"
    assert language_of(site, accept="fr, de") == "ru"
    assert language_of(site, cookie="xx", accept="en") == "en"
    assert language_of(site, person=Person("a", locale="de"), accept="en") == "en"


def test_the_switch_keeps_the_page_and_the_choice(site: Site) -> None:
    site.csrf = True
    client = site.client("ru")
    token = TOKEN.search(client.get("/terms").text)
    assert token
    sent = {"csrf_token": token[1], "lang": "en", "next": "/terms"}
    answer = client.post("/language", data=sent)
    assert (answer.status_code, answer.location) == (303, "/terms")
    assert "Terms of the subscription" in words(client.get("/terms").text)


@pytest.mark.parametrize(
    "away", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "javascript:alert(1)"]
)
def test_the_switch_leads_nowhere_else(site: Site, away: str) -> None:
    assert site.client().post("/language", data={"lang": "en", "next": away}).location == "/"


def test_a_language_we_do_not_speak_is_refused(site: Site) -> None:
    assert site.client().post("/language", data={"lang": "xx"}).status_code == 400
    assert site.client().post("/language").status_code == 400


def test_a_switch_without_its_token_changes_nothing(site: Site) -> None:
    site.csrf = True
    answer = site.client().post("/language", data={"lang": "en"})
    assert answer.status_code == 400
    assert "lang=" not in str(answer.headers.getlist("Set-Cookie"))


def test_the_theme_is_kept_and_every_page_is_rendered_in_it(site: Site) -> None:
    site.csrf = True
    client = site.client()
    assert parsed(client.get("/terms").text).get("data-theme") is None
    token = TOKEN.search(client.get("/terms").text)
    assert token
    sent = {"csrf_token": token[1], "theme": "dark", "next": "/terms"}
    answer = client.post("/theme", data=sent)
    assert (answer.status_code, answer.location) == (303, "/terms")
    (kept,) = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith("theme=")]
    assert {"SameSite=Lax", "Max-Age=31536000", "HttpOnly"} <= set(kept.split("; "))
    for path in ("/terms", "/cabinet", "/nowhere"):
        page = parsed(client.get(path).text)
        assert page.get("data-theme") == "dark"
        assert page.find(".//meta[@name='color-scheme']").get("content") == "dark"
        (pressed,) = page.findall(".//form[@action='/theme']/button[@aria-pressed='true']")
        assert pressed.get("value") == "dark"
    client.post("/theme", data=sent | {"theme": "system"})
    page = parsed(client.get("/terms").text)
    assert page.get("data-theme") is None
    assert page.find(".//meta[@name='color-scheme']").get("content") == "light dark"


def test_a_theme_we_do_not_have_is_refused_and_its_cookie_means_nothing(site: Site) -> None:
    client = site.client()
    assert client.post("/theme", data={"theme": "neon"}).status_code == 400
    client.set_cookie("theme", '"><script>')
    assert parsed(client.get("/terms").text).get("data-theme") is None


def test_a_brands_mark_stands_in_the_place_of_ours_and_in_its_size(site: Site) -> None:
    ours = parsed(site.client().get("/").text).find(".//a[@class='brand']")
    assert ours.find("img") is None
    site.settings = {"brand_logo_url": "/static/favicon.svg", "brand_name": "Kino"}
    theirs = parsed(site.client().get("/").text).find(".//a[@class='brand']")
    mark = theirs.find("img")
    assert [mark.get(name) for name in ("src", "alt", "width", "height")] == ["/static/favicon.svg", "", "28", "28"]
    assert "".join(theirs.itertext()).strip() == "Kino"


def test_a_brands_colour_is_a_stylesheet_that_caches_may_keep(site: Site) -> None:
    assert "brand.css" not in site.client().get("/").text
    assert site.client().get("/brand.css").status_code == 404
    site.settings = {"brand_accent": "0057FF"}
    client = site.client()
    sheets = [link.get("href") for link in parsed(client.get("/").text).findall(".//link[@rel='stylesheet']")]
    assert sheets == ["/static/matinee.css", "/brand.css"]
    answer = client.get("/brand.css")
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("text/css", "public, max-age=3600")
    assert "--gold: #0057ff" in answer.text
    assert client.get("/brand.css", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("language", "title", "reference"),
    [("ru", "Страница не найдена", "Номер обращения: abcd-1234"), ("en", "Page not found", "Reference for support:")],
)
def test_an_error_speaks_the_readers_language_and_has_a_reference(
    site: Site, language: str, title: str, reference: str
) -> None:
    read = words(site.client(language).get("/nowhere", headers={"X-Request-Id": "abcd-1234"}).text)
    assert title in read
    assert reference in read


def test_a_page_that_takes_forms_only_says_so(site: Site) -> None:
    answer = site.client().get("/language")
    assert answer.status_code == 405
    assert "That does not work here" in words(answer.text)


def test_the_cinema_is_linked_only_where_it_is_pretended(site: Site) -> None:
    assert 'href="/cinema"' in site.client().get("/").text
