"""`POST workspace/gc`: the server removes what nothing refers to, for owners."""

import json
import os
import subprocess
import sys
import time

import pytest
from people import with_roles

from jupyter_aml.store import gc

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def jp_server_config(jp_server_config):
    return with_roles(jp_server_config)


@pytest.fixture
def ask(ask_as):
    return ask_as


@pytest.fixture
def connection(services, jp_asyncio_loop):
    return jp_asyncio_loop.run_until_complete(services.workspace()).connection


@pytest.fixture
def loose(connection):
    """A content of a month ago that nothing refers to."""
    digest, _ = connection.blobs.put_bytes(b"loose")
    old = time.time() - 30 * 86400
    os.utime(connection.folder / "blobs" / digest[:2] / digest[2:], (old, old))
    return digest


async def test_owners_look_and_remove_and_nobody_else(ask, connection, loose) -> None:
    for user in ("nobody", "guest", "ben"):
        for body in ("{}", '{"delete": true}'):
            assert (await ask(user, "POST", "workspace/gc", body))[0] == 403
    status, said = await ask("ann", "POST", "workspace/gc", "{}")
    assert (status, json.loads(said)["contents"], json.loads(said)["examples"]) == (200, 1, [loose])
    assert connection.blobs.has(loose)
    last = connection.store.last_change()
    status, said = await ask("ann", "POST", "workspace/gc", '{"delete": true, "older_than": 86400}')
    assert (status, json.loads(said)["bytes"]) == (200, 5)
    assert not connection.blobs.has(loose)
    (line,) = connection.store.changes(last)
    assert (line.who, line.verb, line.noun, line.data["removed"]) == ("ann", "changed", "workspace", 1)


@pytest.mark.parametrize(
    "body",
    ['{"delete": "yes"}', '{"delete": 1}', '{"older_than": "7d"}', '{"older_than": true}', '{"older_than": -1}',
     '{"older_than": NaN}', '{"older_than": 1e999}', '{"delete": true, "older_than": 7199}', '{"dry_run": true}'],
)  # fmt: skip
async def test_what_is_no_age_is_refused_and_removes_nothing(ask, connection, loose, body) -> None:
    status, said = await ask("ann", "POST", "workspace/gc", body)
    assert status == 400, said
    assert connection.blobs.has(loose)


async def test_nothing_is_removed_while_a_journal_cannot_be_brought_in(ask, connection, loose, monkeypatch) -> None:
    monkeypatch.setattr(gc, "_PATIENCE", 0.3)
    script = (
        "import sys; from jupyter_aml.store.journal import Journal; from pathlib import Path\n"
        "from jupyter_aml.store.events import FileLogged\n"
        "Journal(Path(sys.argv[1])).write(FileLogged(run='r', path='f', digest=sys.argv[2], size=1, at=1.0))\n"
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, connection.folder / "journals", loose],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as writer:  # fmt: skip
        writer.stdout.readline()
        status, said = await ask("ann", "POST", "workspace/gc", '{"delete": true}')
    assert (status, said["error"]["code"]) == (409, "ConflictException")
    assert "does not have yet" in said["error"]["message"]
    assert connection.blobs.has(loose)


async def test_whoever_changes_the_settings_is_written_down(ask, connection) -> None:
    from jupyter_aml.store.http import wire

    last = connection.store.last_change()
    body = wire.dumps({"values": {"description": "x"}, "who": "somebody else"})
    assert (await ask("ann", "POST", "store/settings", body))[0] < 300
    assert [change.who for change in connection.store.changes(last)] == ["ann"]
