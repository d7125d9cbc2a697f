"""Lives small simulated cinemas, one seed after the other, and keeps what came of each: `make soak SEEDS=2000`.

Resumable: seeds that this commit has lived already are not lived again. Every tenth lives on PostgreSQL where
TEST_DATABASE_URL names a server. Exit 1: some seed broke an invariant.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from portal.demo.simulation.ground import Ground
from portal.demo.simulation.life import Plot, simulate

KEPT = Path("instance/soak.jsonl")
# Users and months, in turn. A few people meet fewer kinds of faults, and those more often: see Weather.
SIZES = ((8, 2), (2, 1), (3, 2), (1, 3), (4, 1), (2, 2), (3, 1), (2, 1))
ON_POSTGRESQL = 10  # one seed in so many
CHANGED = "-changed"  # what is lived with edits that are not committed is no commit's, and is not taken up again


def main() -> int:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    commit = _commit()
    lived = [one for one in _kept() if one["commit"] == commit and not commit.endswith(CHANGED)]
    done = {one["seed"] for one in lived}
    left = [seed for seed in range(1, wanted + 1) if seed not in done]
    print(f"{len(done)} of {wanted} seeds were lived at {commit} before", flush=True)
    KEPT.parent.mkdir(exist_ok=True)
    begun = time.monotonic()
    os.environ["PYTHONHASHSEED"] = "0"
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(None, _collect_seldom, maxtasksperchild=200) as pool, KEPT.open("a") as file:
        for count, one in enumerate(pool.imap_unordered(_live, left), start=1):
            lived.append({"commit": commit, **one})
            file.write(json.dumps(lived[-1]) + "\n")
            file.flush()
            if one["violations"]:
                print(f"seed {one['seed']}: {one['violations']}", flush=True)
            if count % 20 == 0:
                rest = (time.monotonic() - begun) / count * (len(left) - count) / 60
                print(f"{len(lived)} of {wanted}, {_wrong(lived)} with violations, {rest:.0f} min left", flush=True)
        pool.close()
        pool.join()
    return _sum_up(lived, commit)


def _collect_seldom() -> None:
    """Of the many small objects of a life few die before it does: looking for them often only takes time."""
    gc.set_threshold(50_000, 20, 100)


def _live(seed: int) -> dict[str, Any]:
    server = os.environ.get("TEST_DATABASE_URL") if seed % ON_POSTGRESQL == 0 else None
    result = simulate(Plot(*SIZES[seed % len(SIZES)], seed), _ground(server))
    broken = sorted({str(one["invariant"]) for one in result.violations})
    told = {"seed": seed, "engine": "postgresql" if server else "sqlite", "invoices": result.invoices}
    return {**told, "faults": dict(result.faults), "violations": broken}


@cache
def _ground(server: str | None) -> Ground:
    """Of this process."""
    ground = Ground(server)
    Finalize(None, ground.close, exitpriority=1)
    return ground


def _sum_up(lived: list[dict[str, Any]], commit: str) -> int:
    faults = sum((Counter(one["faults"]) for one in lived), Counter[str]())
    invoices, wrong = sum(one["invoices"] for one in lived), _wrong(lived)
    print(f"{len(lived)} seeds at {commit}: {invoices} invoices, {faults.total()} faults, {wrong} with violations")
    print(", ".join(f"{kind} {times}" for kind, times in faults.most_common()))
    return 1 if wrong else 0


def _wrong(lived: list[dict[str, Any]]) -> int:
    return sum(bool(one["violations"]) for one in lived)


def _kept() -> list[dict[str, Any]]:
    return [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []


def _commit() -> str:
    ask = ["git", "describe", "--always", "--exclude=*", f"--dirty={CHANGED}"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  # fixed words


if __name__ == "__main__":
    sys.exit(main())
