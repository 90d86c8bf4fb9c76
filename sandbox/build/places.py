"""Places: the table that names what the `place` of a row refers to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PLACES_MAX = 65_535


@dataclass(slots=True)
class Places:
    """Numbers devices, queues, qdiscs, classes, maps, instances, hooks in the order they are built."""

    table: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        name: str,
        *,
        program: str = "",
        parent: int = -1,
        qdisc: int = -1,
        capacity: int = 0,
        **extra: Any,
    ) -> int:
        """Append a place and return its number."""
        index = len(self.table)
        self.table.append(
            {
                "index": index,
                "kind": kind,
                "name": name,
                "program": program,
                "parent": parent,
                "qdisc": qdisc,
                "capacity": capacity,
                **extra,
            }
        )
        return index
