"""Holds translations/<language>/LC_MESSAGES/messages.po against the messages in the sources.

Without arguments: fails and lists what is missing, fuzzy or obsolete. With `--update`: writes the .po files anew, new
messages empty, so that only translating is left. The language of the messages themselves needs no file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
LANGUAGES = ("ru",)
LAZY = {"lazy_gettext": None, "lazy_ngettext": (1, 2), "lazy_pgettext": ((1, "c"), 2)}
KEYWORDS = {**DEFAULT_KEYWORDS, **LAZY}


def sources() -> Catalog:
    with (ROOT / "babel.cfg").open() as config:
        methods, options = parse_mapping_cfg(config, "babel.cfg")
    catalog = Catalog(project="Matinee", charset="utf-8")
    found = extract_from_dir(ROOT, methods, options, KEYWORDS, ("NOTE:",), None, True, _is_ours)
    for filename, _line, message, comments, context in found:
        # Without line numbers: a file that only grew at its top changes no catalog.
        catalog.add(message, locations=[(filename, 0)], auto_comments=comments, context=context)
    return catalog


def _is_ours(directory: str) -> bool:
    return Path(directory).relative_to(ROOT).parts[0] in {"portal", "templates"}


def problems(source: Catalog, translated: Catalog) -> list[str]:
    """One line for each message that is missing, not wholly translated, fuzzy or no longer used."""
    lines: list[str] = []
    for message in source:
        if message.id and (why := _wrong(translated.get(message.id, message.context))):
            lines.append(f"{why}: {message.id!r} ({message.locations[0][0]})")
    unused = [m for m in translated if m.id and source.get(m.id, m.context) is None]
    lines += [f"not used any more: {message.id!r}" for message in unused]
    return lines + [f"obsolete entry: {message.id!r}" for message in translated.obsolete.values()]


def _wrong(message: Message | None) -> str:
    if message is None:
        return "missing"
    texts = message.string if isinstance(message.string, list | tuple) else [message.string]
    if not all(texts):
        return "not translated"
    if message.fuzzy:
        return "fuzzy"
    return "; ".join(str(error) for error in message.check())


def read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale=path.parts[-3])
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def update(path: Path, source: Catalog) -> None:
    """Keeps every translation that is still asked for; guesses nothing; lets go of the rest."""
    catalog = read(path)
    catalog.update(source, no_fuzzy_matching=True, update_creation_date=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=120, ignore_obsolete=True, include_lineno=False)


def main(*arguments: str) -> int:
    source, wrong = sources(), 0
    for language in LANGUAGES:
        path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.po"
        if "--update" in arguments:
            update(path, source)
        lines = problems(source, read(path))
        wrong += len(lines)
        print(f"{path.relative_to(ROOT)}: {len(source)} messages, {len(lines)} to do")
        print("\n".join(lines), end="\n" if lines else "")
    if wrong and "--update" not in arguments:
        print("Run `make translations`, then fill in what is empty.")
    return 1 if wrong and "--update" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
