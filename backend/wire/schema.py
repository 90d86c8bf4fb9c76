"""The JSON schema of the WebSocket's messages: in the OpenAPI document, and for generated types.

python -m backend.wire.schema prints it alone.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from backend.wire import messages, requests
from backend.wire.errors import ErrorReply

REF = "#/components/schemas/{model}"
SAID = (
    messages.Diagnostics,
    messages.Started,
    messages.Rewound,
    messages.Log,
    messages.Progress,
    messages.Finished,
    messages.Busy,
)
HEARD = (
    requests.Start,
    requests.Credit,
    requests.Step,
    requests.Pause,
    requests.Resume,
    requests.Stop,
    requests.LiveEvent,
)
ID = TypeAdapter(requests.RunId).json_schema()


def socket_schemas() -> dict[str, Any]:
    """Return the schema of every WebSocket message by its name."""
    models = [(model, "validation") for model in (*HEARD, *SAID, ErrorReply)]
    _, document = models_json_schema(models, ref_template=REF)  # type: ignore[arg-type]
    schemas: dict[str, Any] = document["$defs"]
    for model in SAID:
        properties = schemas[model.__name__]["properties"]
        properties["id"] = ID
        schemas[model.__name__]["required"] = sorted({*properties} & {"op", "id"})
    schemas["Started"]["properties"]["run"] = {"type": "string"}
    return schemas


def add_socket(document: dict[str, Any]) -> dict[str, Any]:
    """Add WS /api/run, which OpenAPI has no word for, as the GET that upgrades."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in socket_schemas().items():
        schemas.setdefault(name, schema)
    names = {
        "x-client-messages": [REF.format(model=model.__name__) for model in HEARD],
        "x-server-messages": [REF.format(model=model.__name__) for model in SAID],
    }
    document["paths"]["/api/run"] = {
        "get": {
            "tags": ["run"],
            "summary": "Interactive runs, over a WebSocket",
            "description": "docs/protocol.md tells the conversation and the binary frames.",
            "operationId": "run",
            "responses": {"101": {"description": "the connection is a WebSocket now"}},
            **names,
        }
    }
    return document


if __name__ == "__main__":
    print(json.dumps(socket_schemas(), indent=2, sort_keys=True))
