"""A workspace that holds everything that one can hold, and what has to be equal of its copies."""

import math

from stores import Sender, born, dump, ended, points

from jupyter_aml.store.events import (
    AssetLinked,
    ExperimentPut,
    FileLogged,
    RunChanged,
    RunDeleted,
    SnapshotTaken,
    TextLogged,
)
from jupyter_aml.store.records import AssetRecord, SnapshotRecord
from jupyter_aml.store.sql.store import in_folder


def rich(store):
    """Everything that a workspace can hold."""
    send = Sender(store)
    content, other = store.blobs.put_bytes(b"content"), store.blobs.put_bytes(b"x" * 100_000)
    code = store.blobs.put_bytes(b"print(1)")
    model = store.put_asset(
        AssetRecord(kind="model", name="mödel", created=5.0, user="ann", run="r", description="d", tags={"a": None},
                    properties={"p": "1"}, data={"framework": "x"}, files={"net/a.bin": store.blobs.put_bytes(b"weights")})
    )  # fmt: skip
    store.put_asset(AssetRecord(kind="dataset", name="mödel", created=6.0))
    store.put_asset(AssetRecord(kind="secret", name="pw", created=6.0, data={"x": "sealed"}))
    send(
        SnapshotTaken(snapshot=SnapshotRecord(id="s", files={"a/é.py": (*code, 0o644)}, skipped={"big": "too big"}, created=4.0)),
        ExperimentPut(name="e", at=1.25, set_tags={"a": "b", "n": None}, description="about\n"),
        ExperimentPut(name="empty", at=2.0), ExperimentPut(name="old", at=3.0), ExperimentPut(name="old", at=9.5, archived=True),
        born("r", owner="j1", name="näme", description="d", user="ann", host="h", snapshot="s", created=100.123456789,
             params={"lr": 0.1, "big": 2**80, "inf": math.inf, "l": [1, {"a": None}]}, tags={"t": "1", "z": None},
             properties={"p": "q"}, details={"notebook": "x.ipynb"}),
        born("c1", parent="r", type="aml.cell", created=101.0), born("c2", parent="r", type="aml.cell", created=102.0),
        born("g", parent="c1", experiment="other", created=103.0),
        born("never", created=104.0, started=None, status="NotStarted"), born("queued", created=105.0, status="Queued"),
        born("a", experiment="old", created=106.0), born("gone", created=107.0), born("kid", parent="gone", created=108.0),
    )  # fmt: skip
    at = 1_700_000_000.123456789
    send(
        points("r", "loss", [1.0, math.nan, 2], origin="c1", times=[at, at + 0.1, at + 0.2], description="about loss"),
        points("r", "loss", [3, math.inf], origin="c2", steps=[10, -5]),
        points("r", "loss", [-0.0, -math.inf, 10**30, -1.5], steps=[2**63 - 1, -(2**63) + 1, 7, 8]),
        points("r", "loss", [7.5], origin="c1"),
        AssetLinked(run="r", role="input", kind="model", asset=model.id, at=2.5, label="the net", data={"x": 1}),
        points("c1", "own", [1, 2, 3]), points("g", "deep", [0.5]),
        points("r", "long", [k / 3 for k in range(30_000)], steps=list(range(0, 60_000, 2)), times=[at + k for k in range(30_000)]),
        points("r", "t", [{"x": 1, "y": "a" * 200_000}] * 9, kind="table", description="rows", origin="c2"),
        points("r", "n" * 1000, [5]), points("kid", "loss", [1.0]), points("a", "words", ["x", "é"], kind="list"),
        FileLogged(run="r", path="b", digest=other[0], size=3, at=2.0),
        FileLogged(run="r", path="b", digest=content[0], size=content[1], at=3.0, media_type="text/css", origin="c1"),
        FileLogged(run="r", path="a/x", digest=other[0], size=other[1], at=2.0), TextLogged(run="r", path="b", text="behind", at=3.0),
        TextLogged(run="c1", path="stdout.txt", text="a\0\ud800é🎉" * 100_000, at=5.0), TextLogged(run="c1", path="stdout.txt", text="!", at=6.0),
    )  # fmt: skip
    send(
        ended("r", "Failed", at=130.0, error={"code": "X", "message": "m", "traceback": "t"}), ended("c1"), ended("g", "Canceled"),
        RunDeleted(run="gone", at=200.0), RunChanged(run="r", at=300.0, set_tags={"late": "1"}),
        RunChanged(run="queued", at=300.0, add_details={"error": "no"}),
    )  # fmt: skip
    return store


def told(store, *, numbers=True):
    """What is to be equal."""
    found = dump(store)
    del found["changes"]
    for record in [*found["experiments"], *(run["run"] for run in found["runs"].values())]:
        del record["revision"]  # a number of this store's own feed
    found["snapshot"] = store.snapshot("s")
    for id, run in found["runs"].items():
        for name in run["series"]:
            series = store.series(id, name)
            columns = (series.steps, series.times, series.values, series.origins)
            run["series"][name] = (series.name, series.kind, *map(list, columns))
    if not numbers:
        for run in found["runs"].values():
            run["run"]["number"] = 0
        for experiment in found["experiments"]:
            experiment["last_activity"] = experiment["run_count"] = 0
    return repr_all(found)


def repr_all(value):
    if isinstance(value, dict):
        return {key: repr_all(inner) for key, inner in sorted(value.items())}
    return [repr_all(inner) for inner in value] if isinstance(value, list) else repr(value)


class in_folder_closing:
    """A store in a folder, closed at the end."""

    def __init__(self, folder):
        self.store = in_folder(folder)

    def __enter__(self):
        return self.store

    def __exit__(self, *_):
        self.store.close()
