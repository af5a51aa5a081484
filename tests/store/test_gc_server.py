"""Garbage collection of a workspace behind a server, asked for from another machine: the server does it."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import jupyter_server_process
import pytest
from click.testing import CliRunner
from stores import Sender, born

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store import gc, home
from jupyter_aml.store.blobs import FolderBlobs
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import FileLogged, RunDeleted
from jupyter_aml.store.place import place_of

pytestmark = pytest.mark.timeout(120)
DAY = 86400.0


@pytest.fixture
def url():
    return jupyter_server_process.address()


@pytest.fixture
def there(url):
    """The contents of the workspace, as they lie on the server's disk."""
    (name,) = parse_qs(urlsplit(url).query)["workspace"]
    return FolderBlobs(jupyter_server_process.server().home / home.folder_name(name) / "blobs")


@pytest.fixture
def connection(url):
    made = connect(url)
    yield made
    made.close()


def aml(*words):
    from jupyter_aml.cli.main import root

    result = CliRunner().invoke(root, list(map(str, words)))
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout) if "--json" in words else result.output


def logged(digest, run="r"):
    return FileLogged(run=run, path="f", digest=digest, size=4, at=1.0)


def test_the_servers_garbage_is_looked_at_and_removed_from_elsewhere(connection, url, there, make_old):
    loose, needed = (connection.blobs.put_bytes(data)[0] for data in (b"loose", b"need"))
    make_old(there, loose, 30 * DAY)
    make_old(there, needed, 30 * DAY)
    connection.write(born("r"), logged(loose), born("s"), logged(needed, "s"), RunDeleted(run="r", at=2.0))
    found = aml("workspace", "gc", "-w", url, "--json")
    assert (found["contents"], found["kept"], found["dry_run"], found["examples"]) == (1, 1, True, [loose])
    assert there.has(loose)
    assert "Removed" in aml("workspace", "gc", "-w", url, "--delete")
    assert {one.digest for one in there.walk()} == {needed}
    (line,) = connection.store.activity(noun="workspace", limit=1)
    assert line.data == {"fields": ["contents"], "removed": 1, "bytes": 5}
    with pytest.raises(UserErrorException, match="too short"):
        gc.collect(connection, older_than=3600, dry_run=False)


@pytest.mark.parametrize("before", [None, 30 * DAY])
def test_what_another_machine_sent_is_kept_until_its_word_of_it_arrives(url, there, make_old, before):
    """The content came; the entry that refers to it is still in an outbox."""
    if before is not None:  # it was here already, from a run that is deleted, and is not sent again
        make_old(there, there.put_bytes(b"late")[0], before)
    sent, entries = place_of(url).open_blobs(), place_of(url).open_store()
    digest, _ = sent.put_bytes(b"late")
    assert aml("workspace", "gc", "-w", url, "--delete", "--older-than", "2h", "--json")["kept_young"] == 1
    Sender(entries)(born("r"), logged(digest))
    make_old(there, digest, 30 * DAY)
    assert aml("workspace", "gc", "-w", url, "--delete", "--json")["kept"] == 1
    assert sent.open(digest).read() == b"late"
    entries.close()


def test_what_is_shorter_on_the_server_than_it_should_be_is_sent_again(url, there):
    """As a power cut may leave it."""
    digest = there.put_bytes(b"whole")[0]
    path = there.folder / digest[:2] / digest[2:]
    path.write_bytes(b"who")
    assert place_of(url).open_blobs().put_bytes(b"whole") == (digest, 5)
    assert path.read_bytes() == b"whole"
