"""Environments on another machine: this module is executed there, with jupyter_aml brought along, by whoever wants one.

It reads a line of JSON, ``{"environment": …, "strict": …}``, and does what is done here (ready.py), in that machine's own cache. It
writes a line of JSON for each thing that it has to say: ``{"said": line}``, at last ``{"ready": …}``, ``{"refused": message}``, or
``{"lacks": "uv", "system": …}``. An environment that is ready is in use, and not evicted, until the input ends; when that
happens earlier nobody wants it any more, and what is being built is given up.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import threading
from typing import Any

from jupyter_aml.environments import patience, uv
from jupyter_aml.environments.environment import Environment
from jupyter_aml.errors import AzureMLException


class _Over(Exception):
    """Nobody listens any more."""


def main() -> None:
    """Prepare what the standard input says."""
    asked = json.loads(sys.stdin.readline())
    over = threading.Event()

    def listen() -> None:
        while os.read(0, 4096):
            pass
        over.set()

    def check() -> None:
        if over.is_set():
            raise _Over

    threading.Thread(target=listen, daemon=True).start()
    try:
        with patience.until(check):
            made = Environment._from_dict(asked["environment"]).prepare(
                lambda line: tell({"said": line}), strict=bool(asked.get("strict"))
            )
        tell({"ready": {"python": made.python, "variables": dict(made.variables), "warnings": made.warnings}})
        over.wait()
        made.release()
    except _Over:
        return
    except uv.MissingException:
        tell({"lacks": "uv", "system": system()})
    except AzureMLException as error:
        tell({"refused": error.message})


def tell(what: dict[str, Any]) -> None:
    """Say it."""
    print(json.dumps(what), flush=True)


def system() -> list[str]:
    """What a program has to be made for to be executed here."""
    return [sys.platform, platform.machine(), platform.libc_ver()[0]]


if __name__ == "__main__":
    main()
