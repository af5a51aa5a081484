"""What a run and its cells printed, once or as it comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click

from jupyter_aml.cli.output import clean
from jupyter_aml.errors import AzureMLException, NotFoundException
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import TERMINAL, FileRecord, RunQuery, RunRecord
from jupyter_aml.tracking.lifetime import GIT_DIFF
from jupyter_aml.tracking.run_files import LOGS

PAUSE = 0.3
LOOK = 2.0
"""Seconds between two looks for what was killed."""
CHUNK = 1_000_000
KEPT = 10_000_000
"""Bytes of an uploaded log that are printed at most."""
_FIRST = {"stdout.txt": 0, "stderr.txt": 1, "result.txt": 2}


def _family(store: Store, run_id: str) -> Iterator[RunRecord]:
    record = store.run(run_id)
    if record is None:
        raise NotFoundException.of("run", run_id)
    yield record
    if record.child_count:
        yield from store.walk(
            RunQuery(under=run_id, order_by="created", descending=False, limit=500, include_archived=True)
        )


def _logs(store: Store, record: RunRecord, path: str | None) -> list[FileRecord]:
    found = [
        file
        for file in store.files(record.id)
        if file.run == record.id and file.path != GIT_DIFF and (not file.digest or file.path.startswith(LOGS))
    ]
    if path is not None:
        found = [file for file in store.files(record.id) if file.path == path]
    return sorted(found, key=lambda file: (_FIRST.get(file.path, 3), file.path))


def _text(store: Store, file: FileRecord, start: int) -> str:
    if not file.digest:
        return store.text(file.run, file.path, start, CHUNK)
    if start:
        return ""
    with store.blobs.open(file.digest) as content:
        return content.read(KEPT).decode("utf-8", "replace")


def _label(record: RunRecord, run_id: str, file: FileRecord) -> str:
    if record.id == run_id:
        return file.path
    index = record.details.get("index")
    name = record.name or (f"cell {index}" if index is not None else record.id)
    return f"{name}: {file.path}"


def collect(store: Store, run_id: str, path: str | None = None) -> list[dict[str, Any]]:
    """Every log, whole: ``{"run", "path", "text"}``."""
    found = []
    for record in _family(store, run_id):
        for file in _logs(store, record, path):
            text = ""
            while part := _text(store, file, len(text)):
                text += part
            found.append({"run": record.id, "path": file.path, "text": text})
    _check(found, store, run_id, path)
    return found


def _check(found: Any, store: Store, run_id: str, path: str | None) -> None:
    if path is not None and not found:
        known = [file.path for file in store.files(run_id)]
        raise NotFoundException.of("log", path, known, f"`aml run files {run_id}` shows what there is.")


def stream(connection: Connection, run_id: str, path: str | None = None, follow: bool = False) -> int:
    """Print the logs; with `follow`, go on until the run has ended, and notice when what executes it was killed.

    Returns:
        1 when it was followed to its failure, else 0.
    """
    store = connection.store
    looked = time.monotonic()
    printed: dict[tuple[str, str], int] = {}
    done: set[str] = set()
    last: tuple[str, str] | None = None
    ends_line = True
    while True:
        family = list(_family(store, run_id))
        ended = family[0].status in TERMINAL
        for record in family:
            if record.id in done:
                continue
            for file in _logs(store, record, path):
                key = (record.id, file.path)
                while part := _text(store, file, printed.get(key, 0)):
                    if key != last and (last is not None or record.id != run_id):
                        click.echo(("" if ends_line else "\n") + f"==> {_label(record, run_id, file)} <==")
                    last = key
                    click.echo(part, nl=False)
                    ends_line = part.endswith("\n")
                    printed[key] = printed.get(key, 0) + len(part)
            if record.status in TERMINAL:
                done.add(record.id)
        if not follow or ended:
            break
        sys.stdout.flush()
        if time.monotonic() - looked > LOOK:
            with suppress(AzureMLException):
                connection.recover()
            looked = time.monotonic()
        time.sleep(PAUSE)
    if not follow or not printed:
        _check(printed, store, run_id, path)
    if not ends_line:
        click.echo()
    if not printed:
        click.echo(f"Run {run_id} ({family[0].status}) has printed nothing.", err=True)
    if family[0].status != "Failed" or (path is not None and not follow):
        return 0
    error = family[0].error or {}
    sys.stdout.flush()
    for line in str(error.get("traceback") or "").splitlines():
        click.echo(clean(line), err=True)
    click.echo(f"Run {run_id} failed: {error.get('code', '')}: {error.get('message', '')}", err=True)
    return int(follow)
