"""The operator's commands, which need the database and not the service.

python -m backend shares delete ID…   takes shares away for good; a whole link will do for an ID
python -m backend store backup FILE   copies an embedded database while the service runs
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.settings import Settings
from backend.shares.document import ID
from backend.store.base import Store, StoreError
from backend.store.open import open_store

ROOMS = ("shares", "store")
LINK = re.compile(rf"(?:.*/s/)?({ID})(?:[#?].*)?")


def main(words: Sequence[str], settings: Settings) -> int:
    """Do what the words say; 1 when it could not be done, 2 for words that make no command."""
    # No option parser: an id may begin with a dash.
    match list(words):
        case ["shares", "delete", first, *more]:
            return _with_store(settings, lambda store: _delete(store, [first, *more]))
        case ["store", "backup", file]:
            return _with_store(settings, lambda store: _backup(store, Path(file)))
    print((__doc__ or "").strip(), file=sys.stderr)
    return 2


def _with_store(settings: Settings, act: object) -> int:
    assert callable(act)
    try:
        store = open_store(settings.database_url, settings.state_dir)
        try:
            return int(act(store))
        finally:
            store.close()
    except StoreError as problem:
        print(f"python -m backend: {problem}", file=sys.stderr)
        return 1


def _delete(store: Store, names: list[str]) -> int:
    failed = 0
    for name in names:
        found = LINK.fullmatch(name)
        if found is None:
            print(f"{name[:200]}: not an id or link of a share", file=sys.stderr)
        elif store.shares.delete(found[1]):
            print(f"{found[1]}: deleted")
            continue
        else:
            print(f"{found[1]}: there is no such share", file=sys.stderr)
        failed = 1
    return failed


def _backup(store: Store, target: Path) -> int:
    store.backup(target)
    print(f"{target}: written")
    return 0
