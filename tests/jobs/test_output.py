"""Notebooks are replaced whole or not at all."""

import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.output import encode, replace, same_file
from jupyter_aml.jobs.secrets import MASK, Mask, masked


@given(st.dictionaries(st.text(), st.text() | st.text(st.characters(categories=["Cs", "Ll"]))))
def test_any_text_is_written_and_read_back_the_same(value):
    assert json.loads(encode(json.dumps(value, ensure_ascii=False))) == json.loads(json.dumps(value))


def test_the_files_mode_and_its_link_stay(tmp_path):
    real = tmp_path / "real.ipynb"
    real.write_text("old")
    real.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to(real)
    replace(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new" and stat.S_IMODE(real.stat().st_mode) == 0o640
    replace(tmp_path / "fresh.ipynb", b"x")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "fresh.ipynb").stat().st_mode) == 0o666 & ~umask


def test_a_folder_that_is_missing_is_said_and_nothing_is_left_behind(tmp_path):
    with pytest.raises(UserErrorException, match="does not exist"):
        replace(tmp_path / "none" / "out.ipynb", b"x")
    assert list(tmp_path.iterdir()) == [] or [p.name for p in tmp_path.iterdir()] == ["runtime"]


def test_a_disk_that_is_full_leaves_the_old_file_whole(tmp_path):
    import resource
    import signal

    path = tmp_path / "out.ipynb"
    path.write_bytes(b"good")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # writing more fails, as on a full disk
    try:
        with pytest.raises(UserErrorException, match="cannot be written"):
            replace(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == b"good"
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".tmp"] == []


def test_one_file_is_recognised_by_any_of_its_paths(tmp_path):
    one = tmp_path / "a.ipynb"
    one.write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    os.link(one, tmp_path / "hard.ipynb")
    assert same_file(one, tmp_path / "link" / "a.ipynb") and same_file(one, tmp_path / "hard.ipynb")
    assert not same_file(one, tmp_path / "b.ipynb")


@given(secret=st.text(min_size=4), around=st.text())
def test_a_secret_is_not_found_in_what_was_masked(secret, around):
    if secret in MASK or MASK in secret or secret in around or any(p in MASK for p in (secret[:4], secret[-4:])):
        return
    mask = Mask([secret])
    for spelling in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        if len(spelling.strip()) >= 4:
            assert spelling not in mask.text(f"<{spelling}>")


def test_nested_values_are_masked_too():
    mask = Mask([{"password": ["hunter22", 91827364]}])
    assert mask.tree({"a": ["hunter22!"], "91827364": 1}) == {"a": [MASK + "!"], MASK: 1}
    assert masked({"a": 1, "b": 2}, ["b"]) == {"a": 1, "b": MASK}
