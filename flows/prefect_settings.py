"""Prefect's own settings for embedded use. Import this before `prefect`.

What the environment already says wins, so a production server (`PREFECT_API_URL`) is used as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

_CLOSED_NETWORK = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}


def close_network() -> None:
    """Let neither Prefect nor the model libraries call anybody outside. They read this when imported."""
    for name, value in _CLOSED_NETWORK.items():
        os.environ.setdefault(name, value)


def prepare(home: Path, *, debug: bool = False) -> None:
    """Keep Prefect's database below `home`, call nobody outside, and leave errors to the caller to print."""
    close_network()
    defaults = {
        "PREFECT_HOME": str((home / "prefect").resolve()),
        "PREFECT_LOGGING_LEVEL": "DEBUG" if debug else "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "INFO" if debug else "CRITICAL",
    }
    Path(defaults["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
