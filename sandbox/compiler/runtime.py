"""Runtime and Entries: what one instance of a compiled program is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Callable[..., Any]


@dataclass(slots=True, kw_only=True)
class Runtime:
    """The core objects of one instance.

    `maps` holds every map of the program by name; `classes` the ClassTable of its qdisc (None without classes);
    `params` one item for each of Program.params, in order: an int, or a list of ints. The list is read at every use,
    so replacing an item is a live change.
    """

    sim: Any
    instance: Any
    maps: Mapping[str, Any]
    classes: Any = None
    params: list[Any] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Entries:
    """The callables of one instance (docs/architecture.md gives their contracts) and its globals."""

    enqueue: Entry | None = None
    dequeue: Entry | None = None
    peek: Entry | None = None
    init: Entry | None = None
    reset: Entry | None = None
    timer: Entry | None = None
    egress: Entry | None = None
    classify: Entry | None = None
    comparators: dict[str, Entry] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    global_names: dict[str, str] = field(default_factory=dict)  # the user's name → the lowered one
    counts: list[int] = field(default_factory=list)  # how often each line ran, when asked for

    def get_global(self, name: str) -> int:
        """Return the value of a program global."""
        return int(self.namespace[self.global_names[name]])

    def set_global(self, name: str, value: int) -> None:
        """Set a program global, as user space may."""
        self.namespace[self.global_names[name]] = value

    def globals(self) -> dict[str, int]:
        """Return every global with its value, in the order of the program."""
        return {name: self.get_global(name) for name in self.global_names}
