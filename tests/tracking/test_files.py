"""The files of a run: uploads from paths and streams, downloads by prefix, and how far they are."""

import io
import os

import pytest

from jupyter_aml.errors import SnapshotException, UserErrorException


@pytest.fixture
def run(experiment):
    return experiment.start_logging(snapshot_directory=None)


def content(run, name, tmp_path):
    run.download_file(name, str(tmp_path / "content"))
    return (tmp_path / "content").read_bytes()


def test_text_is_kept_in_its_encoding(run, tmp_path) -> None:
    (tmp_path / "a.txt").write_bytes("ä\r\nb\r\n".encode("latin-1"))
    with open(tmp_path / "a.txt", encoding="latin-1") as file:
        run.upload_file("whole.txt", file)
    with open(tmp_path / "a.txt", encoding="latin-1") as file:
        file.readline()
        run.upload_file("rest.txt", file)
    run.upload_file("memory.txt", io.StringIO("ä\n"))
    run.upload_file("bytes.txt", io.BytesIO(b"\xff"))
    assert content(run, "whole.txt", tmp_path) == "ä\r\nb\r\n".encode("latin-1")
    assert content(run, "rest.txt", tmp_path) == b"b\r\n"
    assert content(run, "memory.txt", tmp_path) == "ä\n".encode()
    assert content(run, "bytes.txt", tmp_path) == b"\xff"


def test_text_from_a_pipe_is_kept(run, tmp_path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as file:
        file.write("ä\n")
    with os.fdopen(reader, encoding="utf-8") as file:
        run.upload_file("pipe.txt", file)
    assert content(run, "pipe.txt", tmp_path) == "ä\n".encode()


@pytest.mark.parametrize("paths", [[5], [None]])
def test_what_is_no_path_is_refused(run, paths) -> None:
    with pytest.raises(UserErrorException, match="path"):
        run.upload_files(["a"], paths)


FILES = ["outputs/model.pkl", "outputs/models/a.pkl", "fold/a.txt", "fold2/b.txt", "top.txt"]
BY_PREFIX = {
    "outputs": ({"outputs/model.pkl", "outputs/models/a.pkl"}, {"model.pkl", "models/a.pkl"}),
    "outputs/": ({"outputs/model.pkl", "outputs/models/a.pkl"}, {"model.pkl", "models/a.pkl"}),
    "./outputs": ({"outputs/model.pkl", "outputs/models/a.pkl"}, {"model.pkl", "models/a.pkl"}),
    "outputs/mod": ({"outputs/model.pkl", "outputs/models/a.pkl"}, {"model.pkl", "models/a.pkl"}),
    "outputs/models": ({"outputs/models/a.pkl"}, {"a.pkl"}),
    "outputs/model.pkl": ({"outputs/model.pkl"}, {"model.pkl"}),
    "fold": ({"fold/a.txt", "fold2/b.txt"}, {"a.txt", "fold2/b.txt"}),
    "fold/": ({"fold/a.txt"}, {"a.txt"}),
    "top": ({"top.txt"}, {"top.txt"}),
    "nothing": (set(), set()),
    "./": (set(FILES), set(FILES)),
    None: (set(FILES), set(FILES)),
}


@pytest.mark.parametrize("append_prefix", [True, False])
@pytest.mark.parametrize("prefix", BY_PREFIX)
def test_a_prefix_chooses_files_and_their_folder_may_be_left_out(run, tmp_path, prefix, append_prefix) -> None:
    run.upload_files(FILES, ["train.py"] * len(FILES))
    target = tmp_path / "got"
    run.download_files(prefix, str(target), append_prefix=append_prefix)
    got = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert got == BY_PREFIX[prefix][0 if append_prefix else 1]


def test_many_files_show_how_many_of_all_they_are(run, tmp_path, capsys) -> None:
    names = [f"many/{i}" for i in range(60)]
    run.upload_files(names, ["train.py"] * 60)
    assert "0/60" in capsys.readouterr().err
    run.download_files("many", str(tmp_path / "got"))
    assert "0/60" in capsys.readouterr().err
    assert len(list((tmp_path / "got" / "many").iterdir())) == 60
    run.upload_files(names[:5], ["train.py"] * 5)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("way", ["file", "files"])
def test_a_large_file_shows_how_much_of_it_there_is(run, tmp_path, capsys, way) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(100 * 2**20)
    if way == "file":
        run.upload_file("large", tmp_path / "large")
    else:
        run.upload_files(["small", "large"], ["train.py", tmp_path / "large"])
    assert "/100M" in capsys.readouterr().err
    run.download_file("large", tmp_path / "again")
    assert "/100M" in capsys.readouterr().err
    assert (tmp_path / "again").stat().st_size == 100 * 2**20


def test_a_snapshot_is_not_laid_out_over_a_file(run, tmp_path) -> None:
    run.take_snapshot("train.py")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(SnapshotException, match="file"):
        run.restore_snapshot(path=str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("what", [None, 5])
def test_a_snapshot_is_taken_of_a_path(run, what) -> None:
    with pytest.raises(SnapshotException, match=repr(what)):
        run.take_snapshot(what)


@pytest.mark.parametrize("wrong", [{"snapshot_directory": 5}, {"outputs": 5}])
def test_a_run_does_not_begin_with_a_folder_that_is_no_path(experiment, wrong) -> None:
    with pytest.raises(UserErrorException, match="5"):
        experiment.start_logging(**wrong)
    assert list(experiment.get_runs()) == []
