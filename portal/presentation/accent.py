"""What a brand's own colour makes of the house style: words and controls keep their contrast in both themes."""

from __future__ import annotations

from collections.abc import Iterable

# Of static/matinee.css: what words and controls stand on, by theme; the header, in both; links without a brand.
GROUNDS = {"light": ("#f7f4ee", "#fffdf9", "#efe9de"), "dark": ("#15131e", "#1d1a28", "#100e18")}
NIGHT = "#100e19"
LINK = {"light": "#6b4700", "dark": "#f7c862"}
BLACK, WHITE = "#000000", "#ffffff"
AWAY_FROM = {"light": BLACK, "dark": WHITE}  # from a theme's grounds

FOR_TEXT, FOR_CONTROLS = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
STEP = 0.1  # of the way to black or white


def stylesheet(accent: str) -> str:
    """`accent`: # and six hex digits. Upon it black or white is always readable; as a link it may have to give way."""
    on_accent = max(BLACK, WHITE, key=lambda text: contrast(accent, text))
    hovered = mixed(accent, WHITE if on_accent == BLACK else BLACK, STEP)
    link = {theme: accent if _stands(accent, GROUNDS[theme], FOR_TEXT) else LINK[theme] for theme in GROUNDS}
    rim = {theme: towards(accent, AWAY_FROM[theme], GROUNDS[theme]) for theme in GROUNDS}
    colours = {
        "--gold": accent,
        "--gold-2": hovered,
        "--on-gold": on_accent,
        "--lamp": towards(accent, WHITE, (NIGHT,)),
        "--rim": f"light-dark({rim['light']}, {rim['dark']})",
        "--link": f"light-dark({link['light']}, {link['dark']})",
    }
    return f":root {{ {'; '.join(f'{name}: {value}' for name, value in colours.items())} }}\n"


def towards(accent: str, end: str, grounds: Iterable[str]) -> str:
    """The accent, with as much of `end` as a control needs to be seen on the grounds."""
    grounds = tuple(grounds)
    steps = (mixed(accent, end, step * STEP) for step in range(round(1 / STEP) + 1))
    return next(colour for colour in steps if _stands(colour, grounds, FOR_CONTROLS))


def contrast(one: str, other: str) -> float:
    """From 1 for the same colour to 21 for black on white, as WCAG counts it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """`share` of the other."""
    parts = (round(a + (b - a) * share) for a, b in zip(_parts(colour), _parts(other), strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _stands(colour: str, grounds: Iterable[str], ratio: float) -> bool:
    return all(contrast(colour, ground) >= ratio for ground in grounds)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
