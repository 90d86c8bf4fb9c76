"""Complete frontend/package-lock.json with the optional packages of other platforms.

npm writes no entry for an optional package that its registry does not serve, and then `npm ci`
refuses the lock. Such an entry needs no hash: npm never fetches a package of another platform.
Run this after `npm install`; it changes nothing when the lock is complete.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "frontend" / "package-lock.json"
SYSTEMS = ("android", "darwin", "freebsd", "linux", "openharmony", "win32")
PROCESSORS = ("arm64", "arm", "ia32", "ppc64", "riscv64", "s390x", "x64")


def missing(lock: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return entries for the exact optional packages that a lock names but does not hold."""
    entries: dict[str, dict[str, Any]] = {}
    for owner in lock["packages"].values():
        for name, version in owner.get("optionalDependencies", {}).items():
            path = f"node_modules/{name}"
            if path not in lock["packages"] and re.fullmatch(r"[0-9.]+", version):
                entries[path] = entry(name, version, owner)
    return entries


def entry(name: str, version: str, owner: dict[str, Any]) -> dict[str, Any]:
    """Return the lock entry of a platform's package; the platform is in its name."""
    words = re.split(r"[-/]", name)
    system = next(word for word in words if word in SYSTEMS)
    processor = next(word for word in words if word in PROCESSORS)
    made: dict[str, Any] = {"version": version, "cpu": [processor], "dev": True}
    if "musl" in words:
        made["libc"] = ["musl"]
    return made | {"license": owner.get("license", ""), "optional": True, "os": [system]}


def main() -> None:
    """Write the completed lock."""
    lock = json.loads(LOCK.read_text())
    packages = lock["packages"] | missing(lock)
    lock["packages"] = dict(sorted(packages.items()))
    LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
