"""Paths of datastores: none leads out, whatever it is made of."""

import os
from pathlib import Path

import pytest
from datastore_checks import tree

from jupyter_aml.data.data_path import DataPath, DataPathComputeBinding
from jupyter_aml.data.data_reference import DataReference
from jupyter_aml.data.datastore_paths import confine
from jupyter_aml.errors import (
    UserErrorException,
)

LEAVING = [
    "..", "../x", "a/../../x", "/etc/passwd", "a\\..\\..\\x", "C:/x", "a\0b", "file:///etc/passwd", "s3://other/x", "%2e%2e/x",
    "a/%2E%2E/%2e./x", "%252e%252e/x", "..%2fx", "a::b", "a\nb", "x" * 5000, b"bytes", 7, "a/.. /b", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("path", LEAVING, ids=ascii)
def test_a_path_that_leaves_a_datastore_is_refused(ws, source, tmp_path, path):
    store = ws.get_default_datastore()
    with pytest.raises(UserErrorException):
        store.path(path)
    with pytest.raises(UserErrorException):
        store.upload(source, target_path=path)
    with pytest.raises(UserErrorException):
        store.download(tmp_path / "out", prefix=path)
    with pytest.raises(UserErrorException):
        DataPath(store, path)
    assert not list(store._walk())


def test_paths_that_stay_are_brought_into_one_form():
    for given, expected in {
        "./a//b/": "a/b",
        "/": "",
        "": "",
        "a/./b": "a/b",
        "..a/b..": "..a/b..",
        "50%/x": "50%/x",
    }.items():
        assert confine(given) == expected


def test_links_do_not_lead_out(ws, source, tmp_path):
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("outside")
    store = ws.get_default_datastore()
    store.upload(source, show_progress=False)
    root = Path(store._full())
    (root / "out").symlink_to(secret.parent)
    (root / "secret.txt").symlink_to(secret)
    (root / "round").symlink_to(root)
    (root / "fine.csv").symlink_to(root / "a.csv")
    names = {e.path for e in store._walk()}
    assert "fine.csv" in names and not {n for n in names if n.startswith(("out", "secret", "round"))}
    for act in (
        lambda: store.download(tmp_path / "o", prefix="secret.txt"),
        lambda: store.download(tmp_path / "o", prefix="out/secret.txt"),
        lambda: store.upload_files([source / "a.csv"], target_path="out"),
        lambda: store._entries("out"),
    ):
        with pytest.raises(UserErrorException, match="link"):
            act()
    (source / "secret.txt").write_text("mine")
    store.upload_files([source / "secret.txt"], overwrite=True)
    assert secret.read_text() == "outside", "the link was replaced, not followed"


def test_a_local_link_does_not_lead_a_download_out(ws, source, tmp_path):
    store = ws.get_default_datastore()
    store.upload(source, show_progress=False)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserErrorException):
        store.download(tmp_path / "out", overwrite=True)
    assert not tree(tmp_path / "elsewhere")


def test_what_cannot_be_uploaded_is_refused_before_anything_is(ws, source, tmp_path):
    store = ws.get_default_datastore()
    (source / "sub" / "a.csv").write_text("another")
    os.mkfifo(tmp_path / "pipe")
    for files in (
        [source / "a.csv", source / "absent"], [source / "a.csv", source / "sub" / "a.csv"], [source / "sub"],
        [tmp_path / "pipe"], str(source / "a.csv"), None,
    ):  # fmt: skip
        with pytest.raises(UserErrorException):
            store.upload_files(files)
    for folder in (source / "absent", source / "a.csv"):
        with pytest.raises(UserErrorException):
            store.upload(folder)
    with pytest.raises(UserErrorException):
        store.upload_files([source / "a.csv"], relative_root=source / "sub")
    assert not list(store._walk())


def test_data_paths_and_references(ws):
    store = ws.get_default_datastore()
    reference = store.path("data", "given").path("part.csv").as_download(path_on_compute="/tmp/x")
    assert (reference.path_on_datastore, reference.mode, reference.path_on_compute) == (
        "data/part.csv",
        "download",
        "/tmp/x",
    )
    assert str(reference) == f"$AZUREML_DATAREFERENCE_{reference.data_reference_name}"
    assert str(store.path("data", "given")) == "$AZUREML_DATAREFERENCE_given"
    path = DataPath.create_from_data_reference(reference)
    assert (path.datastore_name, path.path_on_datastore) == ("workspaceblobstore", "data/part.csv")
    again = path.create_data_reference("other", DataPathComputeBinding(mode="upload"))
    assert (again.data_reference_name, again.mode) == ("other", "upload")
    assert [store.as_mount().mode, store.as_upload().mode, store.as_download().mode] == ["mount", "upload", "download"]
    for wrong in ({"mode": "steal"}, {"data_reference_name": "a b"}):
        with pytest.raises(UserErrorException):
            DataReference(store, **wrong)
