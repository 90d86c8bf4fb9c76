"""The whole vocabulary as plain JSON, for completions and hovers."""

from __future__ import annotations

from typing import Any

from sandbox.language.fields import CTX_FIELDS, SKB_FIELDS, FieldSpec
from sandbox.language.helpers import CONSTANTS, HELPERS, HelperSpec
from sandbox.language.maps import MAPS, MapSpec
from sandbox.language.verdicts import ENTRIES, VERDICTS


def catalogue() -> dict[str, Any]:
    """Return every helper, map, field, entry point and verdict with its form and its doc."""
    return {
        "helpers": [_helper(spec) for spec in HELPERS.values()],
        "maps": [_map(spec) for spec in MAPS.values()],
        "skb": [_field("skb", spec) for spec in SKB_FIELDS.values()],
        "ctx": [_field("ctx", spec) for spec in CTX_FIELDS.values()],
        "entries": [
            {
                "name": entry.name,
                "signature": entry.signature,
                "returns": entry.returns,
                "doc": entry.doc,
                "bpf": entry.bpf,
                "required": entry.required,
            }
            for entry in ENTRIES.values()
        ],
        "verdicts": [
            {
                "name": verdict.name,
                "doc": verdict.doc,
                "bpf": verdict.bpf,
                "allowed": sorted(verdict.allowed),
            }
            for verdict in VERDICTS.values()
        ],
        "constants": [{"name": name, "value": str(value)} for name, value in CONSTANTS.items()],
    }


def _helper(spec: HelperSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "signature": spec.signature,
        "doc": spec.doc,
        "allowed": sorted(spec.allowed),
        "cost": spec.cost,
        "bpf": spec.bpf,
        "exportable": spec.exportable,
    }


def _map(spec: MapSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "signature": spec.signature,
        "doc": spec.doc,
        "bpf": spec.bpf,
        "iterates": spec.iterates,
        "user_space": spec.user_space,
        "methods": [_helper(method.call) for method in spec.methods.values()],
    }


def _field(owner: str, spec: FieldSpec) -> dict[str, Any]:
    return {
        "name": f"{owner}.{spec.name}",
        "doc": spec.doc,
        "bpf": spec.bpf,
        "length": spec.length,
        "writable": spec.writable,
        "readable_in": sorted(spec.readable_in),
        "writable_in": sorted(spec.writable_in),
    }
