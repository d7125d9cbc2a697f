"""The look, as far as files tell: small, nothing inline, nothing from another host, readable in both themes."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from portal.presentation import accent
from portal.presentation.accent import contrast

ROOT = Path(__file__).parents[2]
STYLE = (ROOT / "static" / "matinee.css").read_text()
SHEETS = sorted((ROOT / "static").glob("*.css"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAIR = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)")
THEMES = ("light", "dark")
BY_THEME = {
    theme: {"night": accent.NIGHT} | {name: values[i] for name, *values in PAIR.findall(STYLE)}
    for i, theme in enumerate(THEMES)
}
INLINE = re.compile(r"<style|<[^>]*\s(?:style|on[a-z]+)=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)
LOADED = re.compile(r"""(?:src|srcset|poster)=["']([^"']*)|<link[^>]*href=["']([^"']*)|url\(([^)]*)|@import\s+(\S+)""")


def test_style_and_script_stay_within_their_bytes() -> None:
    assert len(STYLE.encode()) <= 15_000
    assert (ROOT / "static" / "matinee.js").stat().st_size <= 10_000


@pytest.mark.parametrize("path", [*SHEETS, *TEMPLATES], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_inline_and_nothing_comes_from_another_host(path: Path) -> None:
    text = path.read_text()
    assert INLINE.findall(text) == []
    assert [found for found in ("".join(groups) for groups in LOADED.findall(text)) if "//" in found] == []


@pytest.mark.parametrize(
    "wrong",
    ['<p style="color: red">', "<button onclick='go()'>", "<script>go()</script>", '<a href="javascript:go()">'],
)
def test_inline_code_would_be_found(wrong: str) -> None:
    assert INLINE.search(wrong)


@pytest.mark.parametrize(
    "wrong", ['<img src="//evil.example/a.png">', "a { background: url(https://evil.example/a) }", '@import "//evil"']
)
def test_what_comes_from_elsewhere_would_be_found(wrong: str) -> None:
    assert "//" in "".join(LOADED.findall(wrong)[0])


@pytest.mark.parametrize("theme", THEMES)
def test_words_and_controls_have_their_contrast(theme: str) -> None:
    colour = BY_THEME[theme]
    words = [*product(("text", "muted", "link"), ("bg", "surface", "sunken")), ("bad", "surface"), ("bad", "bg")]
    words += [(tone, f"{tone}-bg") for tone in ("good", "warn", "bad", "calm")]
    words += [("text", f"{tone}-bg") for tone in ("good", "warn", "bad", "calm")]
    controls = list(product(("edge", "rim", "link"), ("bg", "surface", "sunken")))
    told = [f"{a} on {b}" for a, b in words if contrast(colour[a], colour[b]) < 4.5]
    assert told + [f"{a} on {b}" for a, b in controls if contrast(colour[a], colour[b]) < 3] == []


@pytest.mark.parametrize(
    "brand", ["#000000", "#ffffff", "#777777", "#e50914", "#0057ff", "#00a651", "#ffd400", "#222288"]
)
def test_a_brands_colour_leaves_every_contrast_as_it_must_be(brand: str) -> None:
    made = accent.stylesheet(brand)
    given = dict(re.findall(r"--([\w-]+): (#\w+)", made))
    assert given["gold"] == brand
    assert contrast(given["gold"], given["on-gold"]) >= 4.5
    assert contrast(given["gold-2"], given["on-gold"]) >= 4.5
    assert contrast(given["lamp"], accent.NIGHT) >= 3
    for name, light, dark in PAIR.findall(made):
        for value, grounds in zip((light, dark), accent.GROUNDS.values(), strict=True):
            assert min(contrast(value, ground) for ground in grounds) >= (4.5 if name == "link" else 3)


def test_a_brands_colour_is_the_links_where_it_can_be_read_and_ours_stays_elsewhere() -> None:
    assert "--link: light-dark(#0057ff, #f7c862)" in accent.stylesheet("#0057ff")
    assert "--link: light-dark(#6b4700, #ffd400)" in accent.stylesheet("#ffd400")


def test_the_accent_is_reckoned_against_the_grounds_of_the_stylesheet() -> None:
    for theme, grounds in accent.GROUNDS.items():
        assert grounds == tuple(BY_THEME[theme][name] for name in ("bg", "surface", "sunken"))
        assert accent.LINK[theme] == BY_THEME[theme]["link"]
    assert f"--night: {accent.NIGHT};" in STYLE


def test_the_styleguide_shows_every_component() -> None:
    pages = ("demo/styleguide.html", "base.html")  # the switches stand at its foot, as at that of every page
    shown = "".join((ROOT / "templates" / page).read_text() for page in pages)
    files = sorted((ROOT / "templates" / "components").glob("*.html"))
    macros = [name for file in files for name in re.findall(r"{% macro (\w+)\(", file.read_text())]
    assert len(macros) > 15
    assert [name for name in macros if not re.search(rf"\b{name}\(", shown)] == []


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
