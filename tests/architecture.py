"""Who may import whom, and the other rules of the house that a program can see.

Everything is read as text with `ast`, so imports inside functions count and nothing has to be importable. A room that
does not exist yet breaks no rule; a module that stands in no room does.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

# Each room may import itself and what its line names, both with all that lies in them. Names are modules of `portal`.
MODELS = {"domain", "db", "runtime", "clock"}
READERS = {*MODELS, "models"}
SERVICES = {*READERS, "queries", "outbox", "audit", "providers.port"}
JOBS = {*SERVICES, "services", "mail"}
WEB = {*SERVICES, "services", "jobs", "presentation", "web"}
MAY_IMPORT: Mapping[str, set[str]] = {
    "domain": set(),
    "db": {"domain"},
    "models": MODELS,
    "queries": READERS,
    "outbox": READERS,
    "audit": {"db"},
    "services": SERVICES,
    "jobs": JOBS,
    "web": WEB,
    "web.admin": WEB,
    "web.api": WEB - {"models"},
    "web.cabinet": WEB - {"models"},
    "web.webhooks": WEB - {"models"},
    "app": {"*"},
    "cli": {"*"},
    "providers": {"domain"},
    "providers.conformance": {"domain", "providers.port"},
    "presentation": {"domain", "queries"},
    "clock": {"db", "models"},
    "config": {"domain"},
    "runtime": set(),
    "failpoints": set(),
    "logs": set(),
    "starting": {*SERVICES, "services", "config", "logs"},
    "entitlements": set(),
    "demo": {*JOBS, "jobs"},
    "demo.simulation": {*JOBS, "jobs", "app", "config", "demo", "providers"},
    "demo.sandbox": {"domain", "demo.transport", "demo.wal"},
    "demo.auth": {"domain", "entitlements", "demo.transport", "demo.rooms", "demo.wal"},
    "demo.auth.start": {"config", "demo.auth", "outbox.rabbit", "outbox.topology"},
    "demo.cinema": {"domain", "entitlements", "demo.transport", "demo.rooms", "demo.films"},
    "demo.mount": {"config", "demo", "domain", "providers"},
    "demo.films": set(),
    "demo.rooms": set(),
    "demo.transport": set(),
    "demo.wal": set(),
    "demo.instance": set(),
    "demo.supervisor": set(),
    "demo.processes": {"config", "demo.instance", "demo.supervisor"},
}
FOR_ALL = {"failpoints"}
# `runtime` hands out what `app` put together; only the type checker needs to know what that is.
FOR_TYPES = {
    "runtime": {"clock", "config", "domain", "providers.port"},
    "outbox": {"config"},
    "web": {"config"},
}
WEB_ROOMS = {"web.admin", "web.api", "web.cabinet", "web.webhooks"}

# Packages of others: rooms that know only these, packages that only these files know, packages of one file each.
PURE = {
    "domain": {"dateutil"},
    "failpoints": set(),
    "entitlements": {"jwt"},
    "runtime": {"flask", "httpx", "werkzeug"},
    "providers.conformance": set(),
}
ONLY_IN = {"pika": ("portal/outbox/rabbit.py", "portal/outbox/pipeline.py", "portal/demo/auth")}
ONE_FILE_EACH = ("psycopg", "gunicorn", "structlog", "fpdf")

DRAWERS = {"util", "utils", "common", "helper", "helpers", "misc"}
CLOCK = "portal/clock.py"
READS_TIME = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime"},
}
DODGES = {"pytest": {"skip", "xfail", "importorskip"}, "mark": {"skip", "skipif", "xfail"}, "time": {"sleep"}}


@dataclass(frozen=True)
class Import:
    where: str  # path:line
    importer: str
    target: str
    for_types: bool

    @property
    def package(self) -> str:
        return self.target.partition(".")[0]


def within(name: str, rooms: set[str]) -> bool:
    return any(room == "*" or name == room or name.startswith(f"{room}.") for room in rooms)


def room_of(module: str) -> str:
    """The narrowest room with a rule, "" where there is none. `demo.auth_tokens` stands in `demo.auth`."""
    name = module.removeprefix("portal.")
    fits = [room for room in MAY_IMPORT if name == room or name.startswith((f"{room}.", f"{room}_"))]
    return max(fits, key=len, default="")


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class House:
    """Sources by their path from the root."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.trees = {path: ast.parse(text, path) for path, text in sources.items()}
        self.modules = {module_of(path) for path in sources}

    @cached_property
    def imports(self) -> list[Import]:
        """Those of the tests are left out: they may look into every room."""
        return [
            Import(f"{path}:{node.lineno}", module_of(path), target, id(node) in for_types)
            for path, tree in self.trees.items()
            if not path.startswith("tests/")
            for for_types in [_for_types(tree)]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for target in dict.fromkeys(self._targets(path, node))
        ]

    def _targets(self, path: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        package = path.split("/")[: -node.level] if node.level else []
        base = ".".join([*package, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if base == "portal" or inner in self.modules else base


def _for_types(tree: ast.Module) -> set[int]:
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    return {id(node) for guard in guards for part in guard.body for node in ast.walk(part)}


def attributes(tree: ast.Module, wanted: Mapping[str, set[str]]) -> Iterator[tuple[int, str]]:
    """Line and `owner.name` of what is read of, or imported from, the wanted owners."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in wanted.get(_last_name(node.value), ()):
            yield node.lineno, f"{_last_name(node.value)}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            taken = [alias.name for alias in node.names if alias.name in wanted.get(node.module or "", ())]
            yield from ((node.lineno, f"{node.module}.{name}") for name in taken)


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def a_room_imports_only_what_its_line_names(house: House) -> Iterator[str]:
    for one in house.imports:
        room = room_of(one.importer)
        if one.package != "portal" or not one.importer.startswith("portal.") or not room:
            continue
        allowed = MAY_IMPORT[room] | FOR_ALL | {room} | (FOR_TYPES.get(room, set()) if one.for_types else set())
        target = one.target.removeprefix("portal.")
        next_door = room in WEB_ROOMS and room_of(target) in WEB_ROOMS - {room}
        if next_door or not within(target, allowed):
            yield f"{one.where}: {room} may not import {target}"


def every_module_stands_in_a_room(house: House) -> Iterator[str]:
    for path in house.sources:
        if path.startswith("portal/") and path != "portal/__init__.py" and not room_of(module_of(path)):
            yield f"{path}:1: this module stands in no room: give its room a line in MAY_IMPORT"


def the_portal_never_imports_tasks(house: House) -> Iterator[str]:
    for one in house.imports:
        if one.importer.startswith("portal.") and one.package in {"tasks", "tests", "wsgi"}:
            yield f"{one.where}: the portal leaves rows and loops pull them; it never imports {one.package}"


def pure_rooms_know_no_frameworks(house: House) -> Iterator[str]:
    for one in house.imports:
        room = room_of(one.importer)
        known = {*sys.stdlib_module_names, "portal", *PURE.get(room, ())}
        if room in PURE and one.package not in known:
            yield f"{one.where}: {room} may not import {one.package}"


def some_packages_are_known_to_few_files(house: House) -> Iterator[str]:
    for one in house.imports:
        if one.package in ONLY_IN and not one.where.startswith(ONLY_IN[one.package]):
            yield f"{one.where}: only {' and '.join(ONLY_IN[one.package])} may import {one.package}"
    for package in ONE_FILE_EACH:
        users = {one.where.partition(":")[0]: one.where for one in house.imports if one.package == package}
        for where in list(users.values())[1:]:
            yield f"{where}: {package} belongs in one file, and {next(iter(users))} has it"


def there_are_no_drawers(house: House) -> Iterator[str]:
    for path in house.sources:
        for drawer in DRAWERS.intersection(module_of(path).split(".")):
            yield f"{path}:1: nothing is called {drawer}: name it after what it knows"


def packages_are_empty(house: House) -> Iterator[str]:
    for path, text in house.sources.items():
        if path.startswith("portal/") and path.endswith("/__init__.py") and text.strip():
            yield f"{path}:1: importing a room must not light the whole house: leave __init__.py empty"


def modules_form_no_cycle(house: House) -> Iterator[str]:
    edges: dict[str, dict[str, str]] = {}
    for one in house.imports:
        if one.target in house.modules and not one.for_types:
            edges.setdefault(one.importer, {})[one.target] = one.where
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> Iterator[str]:
        for target, where in edges.get(module, {}).items():
            if target in trail:
                yield f"{where}: a cycle: {' -> '.join([*trail[trail.index(target) :], target])}"
            elif target not in done:
                yield from walk(target, [*trail, target])
        done.add(module)

    for module in sorted(edges):
        if module not in done:
            yield from walk(module, [module])


def only_the_clock_reads_time(house: House) -> Iterator[str]:
    for path, tree in house.trees.items():
        if path.startswith(("portal/", "tasks/")) and path != CLOCK:
            for line, name in attributes(tree, READS_TIME):
                yield f"{path}:{line}: {name} reads the time: take `now` as a parameter, only {CLOCK} reads it"


def no_test_sleeps_or_looks_away(house: House) -> Iterator[str]:
    for path, tree in house.trees.items():
        if path.startswith("tests/"):
            for line, name in attributes(tree, DODGES):
                yield f"{path}:{line}: no {name} in tests: wait for the thing itself, and fail where it is missing"


Rule = Callable[[House], Iterator[str]]
RULES: list[Rule] = [
    a_room_imports_only_what_its_line_names,
    every_module_stands_in_a_room,
    the_portal_never_imports_tasks,
    pure_rooms_know_no_frameworks,
    some_packages_are_known_to_few_files,
    there_are_no_drawers,
    packages_are_empty,
    modules_form_no_cycle,
    only_the_clock_reads_time,
    no_test_sleeps_or_looks_away,
]
