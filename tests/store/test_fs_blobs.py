"""Contents elsewhere: what a URL may say, transfers that break off, errors that keep secrets."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
import traceback

import fsspec
import pytest
from broken_door import BrokenDoor
from conftest import make_blobs, s3_client
from hypothesis import given
from hypothesis import strategies as st

from jupyter_aml.errors import NotFoundException, StoreUnavailableException, UserErrorException
from jupyter_aml.store import fs_blobs
from jupyter_aml.store.blobs import FolderBlobs
from jupyter_aml.store.fs_blobs import FsspecBlobs, open_blobs
from jupyter_aml.store.fs_url import read_url


@pytest.fixture
def blobs(s3):
    return FsspecBlobs(s3 + "/p")


def keys(server, url):
    bucket = url.removeprefix("s3://").split("/")[0]
    return [each["Key"] for each in s3_client(server).list_objects_v2(Bucket=bucket).get("Contents", [])]


def uploads(server, url):
    bucket = url.removeprefix("s3://").split("/")[0]
    return s3_client(server).list_multipart_uploads(Bucket=bucket).get("Uploads", [])


# -- URLs --------------------------------------------------------------------------------------------------------
def test_a_folder_or_a_bucket_is_opened_by_its_url(tmp_path, monkeypatch, s3):
    monkeypatch.chdir(tmp_path)
    for url in ("a b", str(tmp_path / "a b"), (tmp_path / "a b").as_uri()):
        found = open_blobs(url)
        assert isinstance(found, FolderBlobs)
        assert found.folder == tmp_path / "a b"
    assert open_blobs(s3).put_bytes(b"x")[1] == 1


def test_keys_are_those_of_a_folder(blobs, s3, s3_server):
    digest, _ = blobs.put_bytes(b"x")
    assert keys(s3_server, s3) == [f"p/{digest[:2]}/{digest[2:]}"]


def test_the_endpoint_may_stand_in_the_url(s3, s3_server, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    blobs = open_blobs(f"{s3}/q?endpoint_url={s3_server}")
    digest, _ = blobs.put_bytes(b"x")
    assert open_blobs(blobs.url).has(digest)


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAX:sEcReT@bucket/p", "s3://sEcReT@bucket", "s3://bucket/p?aws_secret_access_key=sEcReT", "abfs://c:sEcReT@account/p",
        "abfs://c@account.dfs.core.windows.net/p?sv=1&sig=sEcReT", "gs://bucket?token=sEcReT", "s3://b?endpoint_url=http://u:sEcReT@h",
        "s3://", "s3:///p", "simplecache::s3://bucket", "zip://x::s3://bucket", "http://host/p", "nothing", "s3://b?sEcReT", "s3://b#x",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_is_refused_without_its_secrets(url):
    with pytest.raises(UserErrorException) as raised:
        FsspecBlobs(url)
    assert "sEcReT" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("scheme", ["sftp", "ftp", "smb"])
def test_a_password_in_a_url_is_not_shown(scheme):
    blobs = FsspecBlobs(f"{scheme}://me:sEcReT@host:99/p")
    assert blobs.url == f"{scheme}://me@host:99/p"
    assert "sEcReT" not in repr(blobs) + repr(vars(blobs)) + repr(read_url(f"{scheme}://me:sEcReT@host/p"))


@given(st.text(max_size=40), st.sampled_from(["", "s3://", "abfs://", "sftp://", "memory://"]))
def test_any_text_is_a_url_or_refused(text, scheme):
    try:
        read_url(scheme + text)
    except UserErrorException:
        pass


def test_an_unknown_scheme_and_a_missing_driver_are_said():
    with pytest.raises(UserErrorException, match="scheme"):
        FsspecBlobs("nosuch://x").has("0" * 64)
    script = (
        "import sys; sys.modules['s3fs'] = None; from jupyter_aml.store.fs_blobs import open_blobs\n"
        "try: open_blobs('s3://b').put_bytes(b'x')\nexcept Exception as e: print(e)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert 'pip install "jupyter_aml[s3]"' in said


def test_drivers_are_loaded_at_their_first_use_only():
    script = (
        "import sys; from jupyter_aml.store.fs_blobs import open_blobs; open_blobs('s3://b/p');"
        "print({'fsspec', 's3fs', 'aiobotocore'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


# -- errors ------------------------------------------------------------------------------------------------------
def refused(blobs, tmp_path):
    """What is said, with all that a traceback shows."""
    (tmp_path / "f").write_bytes(b"x")
    said = []
    for act in (lambda: blobs.put_file(tmp_path / "f"), lambda: blobs.put_files([tmp_path / "f"] * 3)):
        with pytest.raises(StoreUnavailableException) as raised:
            act()
        said.append("".join(traceback.format_exception(raised.value)))
    return "".join(said)


def test_a_missing_bucket_is_said(s3, tmp_path):
    assert "no such bucket" in refused(FsspecBlobs("s3://never-made-this-one/p"), tmp_path)


def test_missing_credentials_are_said(s3, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "AWS_ACCESS_KEY_ID" in refused(FsspecBlobs(s3), tmp_path)


def test_a_server_that_does_not_answer_is_said(s3, tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_aml.store.fs_driver._PAUSES", (0.01, 0.01))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    said = refused(FsspecBlobs(s3), tmp_path)
    assert "try again" in said
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in said


def test_a_transfer_that_breaks_is_tried_again(s3, s3_server, tmp_path, monkeypatch):
    with BrokenDoor(s3_server) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL", door.url)
        blobs = FsspecBlobs(s3)
        door.shut(2)
        digest, _ = blobs.put_bytes(b"content")
        door.shut(2)
        assert blobs.open(digest).read() == b"content"
        door.cut_answers(2)
        blobs.fetch(digest, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"content"


# -- large contents ----------------------------------------------------------------------------------------------
def test_an_upload_that_broke_off_goes_on_where_it_was(blobs, s3, s3_server, tmp_path, monkeypatch):
    data = os.urandom(5 * fs_blobs.PART + 1)
    (tmp_path / "f").write_bytes(data)
    monkeypatch.setattr("jupyter_aml.store.fs_driver._PAUSES", ())
    with BrokenDoor(s3_server) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL", door.url)
        door.allow_bytes(3 * fs_blobs.PART + fs_blobs.PART // 2)
        with pytest.raises(StoreUnavailableException):
            FsspecBlobs(s3 + "/p").put_file(tmp_path / "f")
        assert keys(s3_server, s3) == []
        assert len(uploads(s3_server, s3)) == 1
        door.allow_bytes(None)
        sent = door.sent
        digest, _ = FsspecBlobs(s3 + "/p").put_file(tmp_path / "f")
        assert door.sent - sent < 4 * fs_blobs.PART
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    assert blobs.open(digest).read() == data
    assert uploads(s3_server, s3) == []


def test_parts_of_another_content_are_not_taken_for_its_own(blobs, s3, s3_server, tmp_path):
    data = os.urandom(fs_blobs.PART * 2)
    digest = hashlib.sha256(data).hexdigest()
    client, where = s3_client(s3_server), {"Bucket": s3.removeprefix("s3://"), "Key": f"p/{digest[:2]}/{digest[2:]}"}
    begun = client.create_multipart_upload(**where)["UploadId"]
    client.upload_part(**where, UploadId=begun, PartNumber=1, Body=os.urandom(fs_blobs.PART))
    (tmp_path / "f").write_bytes(data)
    assert blobs.put_file(tmp_path / "f") == (digest, len(data))
    blobs.fetch(digest, tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == data


def test_uploads_that_nobody_completed_are_swept(blobs, s3, s3_server):
    client = s3_client(s3_server)
    client.create_multipart_upload(Bucket=s3.removeprefix("s3://"), Key="p/ab/cd")
    client.create_multipart_upload(Bucket=s3.removeprefix("s3://"), Key="other/ab/cd")
    assert blobs.sweep() == 1  # moto says of all uploads that they began in 2010
    assert [each["Key"] for each in uploads(s3_server, s3)] == ["other/ab/cd"]


@pytest.mark.parametrize("kind", ["s3", "file"])
def test_a_large_file_that_is_changed_meanwhile_is_stored_as_it_was_at_some_time(kind, request, tmp_path):
    """Whatever is stored has the hash that it is stored under."""
    blobs = make_blobs(kind, request)
    path = tmp_path / "f"
    path.write_bytes(os.urandom(3 * fs_blobs.PART))
    done = threading.Event()

    def scribble():
        with open(path, "r+b") as file:
            while not done.is_set():
                file.seek(2 * fs_blobs.PART)
                file.write(os.urandom(1000))
                file.flush()

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        digest, size = blobs.put_file(path)
    finally:
        done.set()
        writer.join()
    blobs.fetch(digest, tmp_path / "g")  # which looks at the hash
    assert size == (tmp_path / "g").stat().st_size == 3 * fs_blobs.PART
    assert [info.digest for info in blobs.walk()] == [digest]


def test_a_damaged_content_is_not_fetched(blobs, s3, s3_server, tmp_path):
    digest, _ = blobs.put_bytes(b"good")
    s3_client(s3_server).put_object(Bucket=s3.removeprefix("s3://"), Key=keys(s3_server, s3)[0], Body=b"evil")
    with pytest.raises(StoreUnavailableException, match="damaged"):
        blobs.fetch(digest, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_large_files_go_up_and_come_down_in_bounded_memory(s3, tmp_path):
    size = 200 * 2**20
    with open(tmp_path / "big", "wb") as file:
        for at in range(0, size, 2**20):
            file.seek(at)
            file.write(os.urandom(1000))
        file.truncate(size)
    script = """
import re, sys
from jupyter_aml.store.fs_blobs import FsspecBlobs
def peak():  # not ru_maxrss, which begins with what the parent had when it forked
    return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) // 1024
blobs = FsspecBlobs(sys.argv[1])
blobs.put_bytes(b"x")
before = peak()
digest, _ = blobs.put_file(sys.argv[2])
up = peak()
blobs.fetch(digest, sys.argv[3])
down = peak()
with blobs.open(digest) as file:
    while file.read(2**16): pass
blobs.remove(digest)
assert blobs.put_stream(open(sys.argv[3], "rb"))[0] == digest
print(before, up, down, peak())
"""
    started = time.monotonic()
    grown = subprocess.run(
        [sys.executable, "-c", script, s3, tmp_path / "big", tmp_path / "back"],
        capture_output=True,
        text=True,
        check=True,
    )
    before, *peaks = map(int, grown.stdout.split())
    print(f"RSS in MiB: {before}, then {peaks}; {time.monotonic() - started:.1f} s")
    assert max(peaks) - before < 180
    assert (tmp_path / "back").stat().st_size == size


# -- processes and collectors ------------------------------------------------------------------------------------
def test_a_forked_child_goes_on_with_drivers_of_its_own(blobs):
    digest, _ = blobs.put_bytes(b"parent")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            blobs.put_files([__file__] * 3)
            code = 0 if blobs.open(digest).read() == b"parent" and blobs.put_bytes(b"child") else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(blobs.walk())) == 3


def test_one_collector_works_at_a_time(blobs, make_old):
    digest, _ = blobs.put_bytes(b"x")
    make_old(blobs, digest, 10_000)
    with blobs._notice(), pytest.raises(StoreUnavailableException, match="Another"):
        FsspecBlobs(blobs.url).remove_stale([digest], time.time() - 8000)
    assert blobs.remove_stale([digest], time.time() - 8000) == [digest]
    assert blobs._notices() == set()


def test_a_content_that_was_altered_there_is_not_handed_out_as_good(tmp_path) -> None:
    blobs = open_blobs("memory://altered/x")
    digest, _ = blobs.put_bytes(b"a" * 100_000)
    with blobs.open(digest) as content:
        assert content.read() == b"a" * 100_000
    memory = fsspec.filesystem("memory")
    (place,) = (path for path in memory.find("/altered/x") if path.endswith(digest[2:]))
    memory.pipe(place, b"b" * 100_000)
    with blobs.open(digest) as content, pytest.raises(NotFoundException, match=digest[:12]):
        content.read()
