"""Contents by their hash."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import socket
import subprocess
import sys
import threading

import pytest

from jupyter_aml.errors import NotFoundException, StoreUnavailableException, UserErrorException
from jupyter_aml.store.blobs import FolderBlobs


@pytest.fixture
def blobs(tmp_path):
    return FolderBlobs(tmp_path / "blobs")


def everything(blobs):
    return sorted(p for p in blobs.folder.rglob("*") if p.is_file()) if blobs.folder.exists() else []


@pytest.mark.parametrize("size", [0, 1, 10_000, 2**20, 2**20 + 1, 3 * 2**20])
def test_a_content_comes_back_whatever_way_it_came(blobs, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    expected = (hashlib.sha256(data).hexdigest(), size)
    ways = [
        blobs.put_file(tmp_path / "f"),
        blobs.put_bytes(data),
        blobs.put_stream(io.BytesIO(data)),
        *blobs.put_files([tmp_path / "f"] * 2),
    ]
    assert ways == [expected] * 5
    assert len(everything(blobs)) == 1
    with blobs.open(expected[0]) as file:
        assert file.read() == data
        file.seek(size // 2)
        assert file.read() == data[size // 2 :]
    blobs.fetch(expected[0], tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").read_bytes() == data
    assert blobs.has(expected[0])


def test_files_are_for_their_owner_alone(blobs):
    blobs.put_bytes(b"x")
    assert {p.stat().st_mode & 0o777 for p in everything(blobs)} == {0o600}
    assert {p.stat().st_mode & 0o777 for p in [blobs.folder, *blobs.folder.iterdir()]} == {0o700}


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "ab", "A" * 64, "/" * 64, "0" * 63 + "\0"])
def test_what_is_not_there_is_not_found(blobs, tmp_path, digest):
    assert not blobs.has(digest)
    with pytest.raises(NotFoundException):
        blobs.open(digest)
    with pytest.raises(NotFoundException):
        blobs.fetch(digest, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "device", "missing", "nul"])
def test_only_regular_files_are_taken(blobs, tmp_path, kind):
    path = tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.chdir(tmp_path)
        socket.socket(socket.AF_UNIX).bind("it")
    elif kind == "device":
        path = "/dev/zero"
    elif kind == "nul":
        path = "a\0b"
    with pytest.raises(UserErrorException):
        blobs.put_file(path)
    assert everything(blobs) == []


def test_a_file_over_the_limit_is_refused_unread(blobs, tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(5 * 2**30)
    with pytest.raises(UserErrorException, match="5,368,709,120"):
        blobs.put_file(tmp_path / "sparse", limit=300)
    assert everything(blobs) == []


def test_big_files_need_little_memory(tmp_path):
    with open(tmp_path / "big", "wb") as file:
        file.truncate(200 * 2**20)
    script = (
        "import resource, sys; from jupyter_aml.store.blobs import FolderBlobs; b = FolderBlobs(sys.argv[1]);"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; b.put_file(sys.argv[2]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    grown = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "b", tmp_path / "big"], capture_output=True, check=True
    )
    assert int(grown.stdout) < 30_000


def test_a_full_disk_is_said_and_leaves_nothing_behind(blobs, tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 500_000)
    (tmp_path / "g").write_bytes(b"x" * 2_500_000)
    blobs.put_bytes(b"before")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        for put in (
            lambda: blobs.put_file(tmp_path / "f"),
            lambda: blobs.put_file(tmp_path / "g"),
            lambda: blobs.put_bytes(b"y" * 200_000),
        ):
            with pytest.raises(StoreUnavailableException):
                put()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert len(everything(blobs)) == 1
    assert blobs.put_file(tmp_path / "f")[1] == 500_000


def test_a_content_that_was_cut_short_is_written_again(blobs):
    digest, _ = blobs.put_bytes(b"whole content")
    (path,) = everything(blobs)
    path.write_bytes(b"whole")
    blobs.put_bytes(b"whole content")
    assert blobs.open(digest).read() == b"whole content"


def test_what_dead_writers_left_is_swept(blobs):
    blobs.put_bytes(b"x")
    old, new = blobs.folder / "tmp" / "old", blobs.folder / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    FolderBlobs(blobs.folder).put_bytes(b"y")
    assert not old.exists()
    assert new.exists()


def test_many_threads_store_the_same_contents_once(blobs):
    threads = [threading.Thread(target=lambda: [blobs.put_bytes(b"%d" % i) for i in range(100)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(everything(blobs)) == 100
