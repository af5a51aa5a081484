"""What every datastore with files does alike."""

from pathlib import Path

import pytest

from jupyter_aml.data.data_reference import DataReference
from jupyter_aml.errors import (
    NotFoundException,
)


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def round_trip(store, source, tmp_path, capsys):
    """What every datastore with files does alike."""
    reference = store.upload(str(source), target_path="in/here", show_progress=False)
    assert isinstance(reference, DataReference) and reference.path_on_datastore == "in/here"
    assert store.download(tmp_path / "out", prefix="in/here", show_progress=False) == 5
    assert tree(tmp_path / "out" / "in" / "here") == tree(source)
    assert sorted(e.path for e in store._walk("in")) == sorted(f"in/here/{name}" for name in tree(source))
    assert [e.path for e in store._glob("in/**/*.csv")] == ["in/here/a.csv", "in/here/sub/b.csv"]
    assert [(e.path, e.is_folder) for e in store._entries("in/here")] == [
        ("in/here/od d", True), ("in/here/sub", True), ("in/here/a.csv", False),
    ]  # fmt: skip
    assert {e.path: e.size for e in store._walk("in/here/sub/big.bin")} == {"in/here/sub/big.bin": 5_000_000}
    assert store._stat("in/here/a.csv").size == 8 and store._stat("in/here/sub").is_folder
    # What is there is passed over, and it is said, unless it may be overwritten.
    (source / "a.csv").write_bytes(b"newer")
    capsys.readouterr()
    store.upload_files([source / "a.csv"], target_path="in/here", show_progress=False)
    assert "passed over" in capsys.readouterr().out
    fs, _ = store._filesystem()
    assert fs.cat_file(store._full("in/here/a.csv")) == b"x,y\n1,2\n"
    store.upload_files([source / "a.csv"], relative_root=source, target_path="in/here", overwrite=True)
    assert fs.cat_file(store._full("in/here/a.csv")) == b"newer"
    with fs.open(store._full("in/here/sub/big.bin"), "rb") as file:
        file.seek(4_999_990)
        assert file.read() == (source / "sub/big.bin").read_bytes()[-10:]
    assert store.download(tmp_path / "out", prefix="in/here/a.csv") == 0, "a local file is not overwritten either"
    for absent in ("absent", "in/here/absent.csv"):
        with pytest.raises(NotFoundException):
            store.download(tmp_path / "none", prefix=absent)
