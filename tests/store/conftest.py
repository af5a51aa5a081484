"""Every kind of store and of blobs, and an S3 for the tests."""

from __future__ import annotations

import os
import time
import uuid
from datetime import datetime, timezone

import clouds
import pytest
from stores import STORES, Sender

from jupyter_aml.store.sql.store import in_folder


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    """A store of every kind, empty."""
    store = STORES[request.param](tmp_path / "workspace")
    yield store
    store.close()


@pytest.fixture
def send(store):
    """Sends events to the store."""
    return Sender(store)


@pytest.fixture
def source(tmp_path):
    """A workspace in a folder, to be exported."""
    made = in_folder(tmp_path / "source")
    yield made
    made.close()


@pytest.fixture(params=sorted(STORES))
def target(request, tmp_path):
    """A workspace of every kind, to import into."""
    made = STORES[request.param](tmp_path / "target")
    if request.param == "postgresql":
        made.put_settings({"artifacts": (tmp_path / "artifacts").as_uri()})
    yield made
    made.close()


@pytest.fixture(scope="session")
def s3_server():
    """The address of an S3 server of this session's own."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """``s3://`` URL of a new bucket; the environment leads the drivers there."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server, "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "s3cr3t+of/the/tests",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    bucket = f"b-{uuid.uuid4().hex}"
    s3_client(s3_server).create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


def s3_client(server):
    """A client of the server that knows nothing of ours."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=server, region_name="us-east-1", aws_access_key_id="other", aws_secret_access_key="other"
    )


BLOBS = [
    "folder", "memory", "file", "s3", pytest.param("azure", marks=pytest.mark.slow), pytest.param("google", marks=pytest.mark.slow),
]  # fmt: skip


def make_blobs(kind, request):
    """Blobs of a kind, empty."""
    from jupyter_aml.store.blobs import FolderBlobs
    from jupyter_aml.store.fs_blobs import FsspecBlobs

    folder = request.getfixturevalue("tmp_path") / "blobs"
    if kind == "folder":
        return FolderBlobs(folder)
    if kind == "memory":
        return FsspecBlobs(f"memory://{uuid.uuid4().hex}")
    if kind == "file":
        return FsspecBlobs(folder.as_uri())
    if kind in ("azure", "google"):
        cloud = clouds.azure() if kind == "azure" else clouds.google()
        return FsspecBlobs(cloud.artifacts(request.getfixturevalue("monkeypatch")) + "/some/prefix")
    return FsspecBlobs(request.getfixturevalue("s3") + "/some/prefix")


@pytest.fixture(params=BLOBS)
def any_blobs(request):
    """Blobs of every kind."""
    return make_blobs(request.param, request)


@pytest.fixture
def make_old():
    """Call ``make_old(blobs, digest, age)``: a content was last put `age` seconds ago."""

    def old(blobs, digest, age):
        from jupyter_aml.store.blobs import FolderBlobs

        at = time.time() - age
        if isinstance(blobs, FolderBlobs):
            os.utime(blobs.folder / digest[:2] / digest[2:], (at, at))
            return
        key = blobs._key(digest)
        if blobs.url.startswith("file"):
            os.utime(key, (at, at))
        elif blobs.url.startswith("memory"):
            blobs._driver.fs.store[key].created = datetime.fromtimestamp(at, timezone.utc)
        elif blobs.url.startswith(("az", "gs")):
            clouds.age(blobs._driver.fs, key, age)
        else:
            from moto.s3.models import s3_backends

            bucket, _, name = key.partition("/")
            found = s3_backends["123456789012"]["aws"].get_object(bucket, name)
            found.last_modified = datetime.fromtimestamp(at, timezone.utc).replace(tzinfo=None)

    return old
