"""Contents by their hash: what all blobs do, and what those in a folder do besides. (test_fs_blobs.py: those elsewhere.)"""

from __future__ import annotations

import hashlib
import io
import os
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_aml.errors import NotFoundException, StoreUnavailableException, UserErrorException
from jupyter_aml.store.blobs import FolderBlobs


@pytest.fixture
def blobs(tmp_path):
    return FolderBlobs(tmp_path / "blobs")


def everything(blobs):
    return sorted(p for p in blobs.folder.rglob("*") if p.is_file()) if blobs.folder.exists() else []


# -- all blobs ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 10_000, 2**20, 2**20 + 1, 3 * 2**20, 16 * 2**20 + 1])
def test_a_content_comes_back_whatever_way_it_came(any_blobs, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    expected = (hashlib.sha256(data).hexdigest(), size)
    ways = [
        any_blobs.put_file(tmp_path / "f"),
        any_blobs.put_bytes(data),
        any_blobs.put_stream(io.BytesIO(data)),
        *any_blobs.put_files([tmp_path / "f"] * 2),
    ]
    assert ways == [expected] * 5
    assert [(info.digest, info.size) for info in any_blobs.walk()] == [expected]
    with any_blobs.open(expected[0]) as file:
        assert file.seekable()
        assert file.read() == data
        file.seek(size // 2)
        assert file.read() == data[size // 2 :]
    any_blobs.fetch(expected[0], tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").read_bytes() == data
    assert os.listdir(tmp_path / "a") == ["b"]
    assert any_blobs.has(expected[0])


@pytest.mark.parametrize("way", ["bytes", "stream", "file"])
def test_every_way_stores_a_large_content_anew(any_blobs, tmp_path, way):
    data = os.urandom(17 * 2**20)
    (tmp_path / "f").write_bytes(data)
    put = {
        "bytes": lambda: any_blobs.put_bytes(data),
        "stream": lambda: any_blobs.put_stream(io.BytesIO(data)),
        "file": lambda: any_blobs.put_file(tmp_path / "f"),
    }[way]
    digest, _ = put()
    any_blobs.fetch(digest, tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == data


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=3000), moves=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=6))
def test_an_open_content_is_read_as_any_file(any_blobs, data, moves):
    digest, _ = any_blobs.put_bytes(data)
    expected = io.BytesIO(data)
    with any_blobs.open(digest) as file:
        for at, count in moves:
            assert file.seek(at) == expected.seek(at)
            assert file.read(count) == expected.read(count)
        assert file.seek(0, os.SEEK_END) == len(data)


def test_many_files_are_stored_in_their_order(any_blobs, tmp_path):
    paths = []
    for i in range(40):
        (tmp_path / str(i)).write_bytes(b"%d" % (i % 30))
        paths.append(tmp_path / str(i))
    expected = [(hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_size) for p in paths]
    assert any_blobs.put_files(paths) == expected
    assert {info.digest for info in any_blobs.walk()} == {digest for digest, _ in expected}
    with pytest.raises(UserErrorException):
        any_blobs.put_files([*paths, tmp_path / "missing"])


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "ab", "A" * 64, "/" * 64, "0" * 63 + "\0"])
def test_what_is_not_there_is_not_found(any_blobs, tmp_path, digest):
    assert not any_blobs.has(digest)
    with pytest.raises(NotFoundException):
        any_blobs.open(digest)
    with pytest.raises(NotFoundException):
        any_blobs.fetch(digest, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    any_blobs.remove(digest)
    assert any_blobs.remove_stale([digest], time.time()) == []


def test_nothing_is_there_before_the_first_content(any_blobs):
    assert list(any_blobs.walk()) == []
    assert any_blobs.sweep() == 0


def test_removed_contents_are_gone_and_can_be_put_again(any_blobs):
    a, b = any_blobs.put_bytes(b"a")[0], any_blobs.put_bytes(b"b")[0]
    any_blobs.remove(a)
    assert not any_blobs.has(a)
    assert [info.digest for info in any_blobs.walk()] == [b]
    assert any_blobs.put_bytes(b"a") == (a, 1)
    assert any_blobs.open(a).read() == b"a"


@pytest.mark.parametrize(("age", "refreshed"), [(1800, False), (7200, True)])
def test_an_old_content_that_is_put_again_counts_as_new(any_blobs, tmp_path, make_old, age, refreshed):
    (tmp_path / "f").write_bytes(b"content")
    for put in (
        lambda: any_blobs.put_bytes(b"content"),
        lambda: any_blobs.put_file(tmp_path / "f"),
        lambda: any_blobs.put_stream(io.BytesIO(b"content")),
    ):
        digest, _ = put()
        make_old(any_blobs, digest, age)
        put()
        (info,) = any_blobs.walk()
        assert (time.time() - info.time < age / 2) == refreshed
        assert any_blobs.open(digest).read() == b"content"


def test_only_stale_contents_are_removed_as_stale(any_blobs, make_old):
    old, new = any_blobs.put_bytes(b"old")[0], any_blobs.put_bytes(b"new")[0]
    make_old(any_blobs, old, 10_000)
    assert any_blobs.remove_stale([new, old, "0" * 64], time.time() - 8000) == [old]
    assert [info.digest for info in any_blobs.walk()] == [new]


def test_writers_never_lose_what_is_cleaned_up_meanwhile(any_blobs, make_old):
    contents = {hashlib.sha256(b"%d" % i).hexdigest(): b"%d" % i for i in range(30)}
    for content in contents.values():
        any_blobs.put_bytes(content)
    for digest in contents:
        make_old(any_blobs, digest, 10_000)
    writers = [
        threading.Thread(target=lambda k=k: [any_blobs.put_bytes(c) for c in list(contents.values())[:: (-1) ** k]])
        for k in range(3)
    ]
    for writer in writers:
        writer.start()
    any_blobs.remove_stale(list(contents), time.time() - 8000)
    for writer in writers:
        writer.join()
    assert {digest: any_blobs.open(digest).read() for digest in contents} == contents


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "device", "missing", "nul"])
def test_only_regular_files_are_taken(any_blobs, tmp_path, monkeypatch, kind):
    path = tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("it")
    elif kind == "device":
        path = "/dev/zero"
    elif kind == "nul":
        path = "a\0b"
    with pytest.raises(UserErrorException):
        any_blobs.put_file(path)
    assert list(any_blobs.walk()) == []


def test_a_file_over_the_limit_is_refused_unread(any_blobs, tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(5 * 2**30)
    with pytest.raises(UserErrorException, match="5,368,709,120"):
        any_blobs.put_file(tmp_path / "sparse", limit=300)
    assert list(any_blobs.walk()) == []


def test_many_threads_store_the_same_contents_once(any_blobs):
    threads = [threading.Thread(target=lambda: [any_blobs.put_bytes(b"%d" % i) for i in range(30)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(any_blobs.walk())) == 30


# -- in a folder -------------------------------------------------------------------------------------------------
def test_files_are_for_their_owner_alone(blobs):
    blobs.put_bytes(b"x")
    assert {p.stat().st_mode & 0o777 for p in everything(blobs)} == {0o600}
    assert {p.stat().st_mode & 0o777 for p in [blobs.folder, *blobs.folder.iterdir()]} == {0o700}


def test_big_files_need_little_memory(tmp_path):
    with open(tmp_path / "big", "wb") as file:
        file.truncate(200 * 2**20)
    script = (
        "import re, sys; from jupyter_aml.store.blobs import FolderBlobs; b = FolderBlobs(sys.argv[1]);"
        "peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]);"
        "before = peak(); b.put_file(sys.argv[2]); print(peak() - before)"
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
