"""Writes `docs/schemas/message-1.json`, the JSON Schema of what receivers get, from the code.

    python docs/build_schema.py

A test compares the committed file with what this module makes.
"""

from __future__ import annotations

import json
from pathlib import Path

from enforcement.body import json_schema

TARGET = Path(__file__).with_name("schemas") / "message-1.json"


def schema() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(schema(), encoding="utf-8")
