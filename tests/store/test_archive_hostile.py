"""Archives that are damaged or made to do harm, contents that are missing, exports that fail."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import pytest
from rich_workspace import in_folder_closing, rich, told
from stores import Sender, born, points

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store.archive import export
from jupyter_aml.store.archive_import import import_archive
from jupyter_aml.store.codec import encode
from jupyter_aml.store.events import (
    ExperimentPut,
    FileLogged,
    RunChanged,
    RunDeleted,
)


def rewritten(path, change) -> Path:
    """The archive with its members changed, `change` being given name → bytes and the manifest."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(members["manifest.json"])
    change(members, manifest)
    if "manifest.json" in members:
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path.with_name("bad.zip"), "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    return path.with_name("bad.zip")


def events(members, manifest, *lines: bytes) -> None:
    """Events in place of the archive's, with a manifest that vouches for them."""
    data = b"".join(line + b"\n" for line in lines)
    members["events.jsonl"] = data
    manifest["events"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "lines": len(lines)}


def blob_name(members):
    return max(name for name in members if name.startswith("blobs/"))


def add(name, data=b"x"):
    return lambda members, manifest: members.__setitem__(name, data)


def flip(members, manifest):
    name = blob_name(members)
    members[name] = members[name][:-1] + b"!"


def vouched(name, data):
    def change(members, manifest):
        members[f"blobs/{name}"] = data
        manifest["blobs"][name] = len(data)

    return change


BORN = encode(born("x"))
CHANGES = {
    "a content is another": flip,
    "a content is lacking": lambda m, about: m.pop(blob_name(m)),
    "a content is longer": lambda m, about: m.__setitem__(blob_name(m), m[blob_name(m)] + b"0" * 1000),
    "the manifest lies about a size": lambda m, about: about["blobs"].__setitem__(blob_name(m)[6:], 1),
    "the events are shorter": lambda m, about: m.__setitem__("events.jsonl", m["events.jsonl"][:-10]),
    "the events are others": lambda m, about: m.__setitem__("events.jsonl", m["events.jsonl"].replace(b"loss", b"gain")),
    "no manifest": lambda m, about: m.pop("manifest.json"),
    "no events": lambda m, about: m.pop("events.jsonl"),
    "another format": lambda m, about: about.__setitem__("format", "zip"),
    "a newer version": lambda m, about: about.__setitem__("version", 2),
    "nonsense in the manifest": lambda m, about: about.__setitem__("blobs", [1]),
    "an absolute path": add("/etc/x"),
    "a way out": add("../../x"),
    "a way out among the contents": vouched("../../x", b"x"),
    "a content under another's name": vouched("0" * 64, b"x"),
    "a folder": add("blobs/", b""),
    "more than the manifest says": add("more.txt"),
    "a deletion": lambda m, about: events(m, about, BORN, encode(RunDeleted(run="x", at=1.0))),
    "a change of a run of others": lambda m, about: events(m, about, encode(RunChanged(run="there", at=1.0, name="!"))),
    "a renaming": lambda m, about: events(m, about, encode(ExperimentPut(name="e", at=1.0, rename="f"))),
    "a run twice": lambda m, about: events(m, about, BORN, BORN),
    "a content from nowhere": lambda m, about: events(m, about, BORN, encode(FileLogged(run="x", path="p", digest="d" * 64, size=1, at=1.0))),
    "a time that is none": lambda m, about: events(m, about, encode(born("x", created="now"))),
    "a tag that is no text": lambda m, about: events(m, about, encode(born("x", tags={"a": {}}))),
    "points of unequal length": lambda m, about: events(m, about, BORN, encode(points("x", "m", [1, 2], steps=[1]))),
    "steps that are none": lambda m, about: events(m, about, BORN, encode(points("x", "m", [1], steps=["a"]))),
    "a kind that is none": lambda m, about: events(m, about, BORN, encode(points("x", "m", [1], kind="nope"))),
    "an event that is none": lambda m, about: events(m, about, b'{"t":"nope"}'),
    "no JSON": lambda m, about: events(m, about, b"\xff\xfe"),
    "depths": lambda m, about: events(m, about, b"[" * 200_000),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_an_archive_that_is_not_what_it_says_is_refused_before_anything_is_written(source, tmp_path, what) -> None:
    export(rich(source), tmp_path / "all.zip")
    bad = rewritten(tmp_path / "all.zip", CHANGES[what])
    with in_folder_closing(tmp_path / "target") as target:
        Sender(target)(born("there"))
        before, last = sorted(tmp_path.rglob("*")), target.last_change()
        with pytest.raises(UserErrorException, match=r"bad\.zip"):
            import_archive(target, bad)
        assert target.last_change() == last
        assert [blob.digest for blob in target.blobs.walk()] == []
        assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_an_archive_is_refused(source, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip", "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UserErrorException, match="no plain file"):
        import_archive(source, tmp_path / "all.zip")


def test_any_damage_of_the_file_is_noticed_or_does_no_harm(source, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip", runs=["c1"])
    whole = (tmp_path / "all.zip").read_bytes()
    want = None
    for k, position in enumerate(range(0, len(whole), max(1, len(whole) // 60))):
        bad = tmp_path / "bad.zip"
        bad.write_bytes(
            whole[:position]
            if k % 3 == 0
            else whole[:position] + bytes((whole[position] ^ 0x55,)) + whole[position + 1 :]
        )
        with in_folder_closing(tmp_path / f"target{k}") as target:
            try:
                import_archive(target, bad)
            except UserErrorException:
                assert target.last_change() == 0
            else:  # a byte that says nothing, such as a time
                found = told(target)
                assert want in (None, found)
                want = found


def test_no_file_is_no_archive(source, tmp_path) -> None:
    with pytest.raises(NotFoundException):
        import_archive(source, tmp_path / "nope.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(UserErrorException, match="damaged"):
        import_archive(source, tmp_path / "text.zip")
    with pytest.raises(UserErrorException):
        import_archive(source, tmp_path)


def test_contents_that_are_missing_or_damaged_are_told_and_the_rest_goes(source, target, tmp_path) -> None:
    send = Sender(source)
    good, bad, none = (source.blobs.put_bytes(data)[0] for data in (b"good", b"bad", b"none"))
    send(
        born("r"),
        *[FileLogged(run="r", path=p, digest=d, size=4, at=1.0) for p, d in (("g", good), ("b", bad), ("n", none))],
    )
    source.blobs.remove(none)
    (tmp_path / "source" / "blobs" / bad[:2] / bad[2:]).write_bytes(b"bat")
    exported = export(source, tmp_path / "all.zip")
    assert set(exported.missing) == {bad, none}
    assert exported.missing[bad] == "'b' of run r"
    imported = import_archive(target, tmp_path / "all.zip")
    assert set(imported.missing) == {bad, none}
    assert target.blobs.open(good).read() == b"good"
    assert told(target) == told(source)


def test_an_export_that_fails_leaves_nothing(source, tmp_path) -> None:
    with pytest.raises(UserErrorException):
        export(rich(source), tmp_path / "source" / "workspace.db" / "x.zip")
    assert [name for name in os.listdir(tmp_path) if "zip" in name or "part" in name] == []
