"""Asks for known vulnerabilities of the locked packages. One found fails; nobody to ask is said, and does not.

A machine whose only network is a package index has no advisories: its index answers that it does not know the package,
or nobody answers at all. Neither is a finding, and neither may look like a clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

UNREACHED = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ServiceError", "NameResolutionError", "ProxyError")


def audit(requirements: str) -> subprocess.CompletedProcess[str]:
    # Everything is pinned and hashed, so nothing has to be resolved or installed.
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    argv = [str(Path(sys.executable).parent / "pip-audit"), "--requirement", requirements, *options]
    return subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments


def findings(packages: list[dict[str, Any]]) -> list[str]:
    """One line for each vulnerability."""
    lines = []
    for package in packages:
        for found in package.get("vulns", ()):
            fixed_in = ", ".join(found["fix_versions"]) or "no version yet"
            lines.append(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed_in}")
    return lines


def main(requirements: str) -> int:
    result = audit(requirements)
    if not result.stdout.strip():
        if any(word in result.stderr for word in UNREACHED):
            print("advisories: NOT CHECKED, the advisory service cannot be reached from this machine")
            return 0
        print(result.stderr, file=sys.stderr)
        return 2
    packages = json.loads(result.stdout)["dependencies"]
    found = findings(packages)
    asked = [package for package in packages if "skip_reason" not in package]
    print("\n".join(found), end="\n" if found else "")
    if not asked:
        print("advisories: NOT CHECKED, the advisory service cannot be reached from this machine")
    else:
        print(f"advisories: {len(asked)} of {len(packages)} packages checked, {len(found)} known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
