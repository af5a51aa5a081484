"""What comes from elsewhere has the types that it should have, or is refused: it spoils nothing, and holds nothing up."""

from __future__ import annotations

import inspect
import json
import math
import uuid
from typing import get_args

import jupyter_server_process
import postgres_process
import pytest
from stores import STORES, Sender, born, ended, points

from jupyter_aml.errors import AzureMLException, StoreUnavailableException, UserErrorException
from jupyter_aml.server.remote import ask
from jupyter_aml.store.connection import connect
from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import AssetPut, Event, Points, RunChanged, RunCreated, SnapshotTaken
from jupyter_aml.store.http import wire
from jupyter_aml.store.place import place_of
from jupyter_aml.store.records import AssetQuery, AssetRecord, Condition, RunQuery, RunRecord, SnapshotRecord
from jupyter_aml.store.shapes import misfit, mistyped

pytestmark = pytest.mark.timeout(120)
SOUND = {
    RunCreated: born("r", tags={"a": None}, params={"x": [1, {"y": math.inf}]}), AssetPut: AssetPut(asset=AssetRecord(kind="m", name="n")),
    SnapshotTaken: SnapshotTaken(snapshot=SnapshotRecord(id="s", files={"a": ("d" * 64, 1, 0o644)}, skipped={"b": "big"})),
}  # fmt: skip


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_kind_of_event_is_looked_at_field_by_field(kind):
    """From the annotations: a sound one passes, and no field takes an object of another kind."""
    texts = {"run": "r", "status": "Running", "name": "n", "path": "p", "digest": "d", "text": "t", "role": "input",
             "kind": "scalar", "asset": "a", "workspace": "w"}  # fmt: skip
    needed = {n for n, p in inspect.signature(kind).parameters.items() if p.default is inspect.Parameter.empty}
    plain = {n: {"at": 1.0, "size": 1}.get(n, texts.get(n)) for n in needed}
    sound = SOUND.get(kind) or kind(**plain)
    assert mistyped(sound) == ""
    for name in inspect.signature(kind).parameters:
        given = {n: getattr(sound, n) for n in inspect.signature(kind).parameters}
        assert mistyped(kind(**{**given, name: {5}})), name


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": [2**70]}, {"steps": [True]}, {"steps": ["1"]}, {"steps": [1, 2]}, {"steps": 1}, {"times": ["1"]},
        {"times": [10**400]}, {"times": [None]}, {"values": "a"}, {"values": [1, 2]}, {"kind": "x"},
    ],
)  # fmt: skip
def test_columns_that_are_no_points_are_noticed(bad):
    good = {"steps": [1], "times": [1.0], "values": [math.nan]}
    assert mistyped(Points(run="r", name="n", **good)) == ""
    assert mistyped(Points(run="r", name="n", **{**good, **bad}))


def test_what_is_wrong_is_named():
    assert misfit(Store.runs, {"query": RunQuery(where=[Condition("id", "=", "a")])}) == ""
    assert "limit that is no int" in misfit(Store.runs, {"query": RunQuery(limit="x")})
    assert "query is no" in misfit(Store.runs, {"query": "x"})


STRANGE = [None, "", "x\0y", "\ud800", -1, 2**63, 10**30, math.nan, True, [], [None], [[]], ["r"] * 3000, {"a": 1}]
KNOWN = {"run_id": "r", "name": "loss", "names": ["loss"], "run_ids": ["r"], "path": "t", "snapshot_id": "s", "digests": ["a"],
         "journal": "j", "kind": "model", "run": "r", "seconds": 1.0}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(set(STORES) - {"http"}))
def test_no_argument_of_a_read_is_a_defect(kind, tmp_path):
    """As a server passes them on: each is answered, or refused as what it is."""
    store = STORES[kind](tmp_path / "workspace")
    Sender(store)(born("r"), points("r", "loss", [1.0, 2.0]), ended("r"))
    asked = 0
    for method in sorted(wire.READS - {"check"}):
        taken = {n: p for n, p in inspect.signature(getattr(Store, method)).parameters.items() if n != "self"}
        query = RunQuery() if method == "runs" else AssetQuery(kind="model")
        needed = {n: KNOWN.get(n, query) for n, p in taken.items() if p.default is inspect.Parameter.empty}
        for name in taken:
            for value in STRANGE:
                asked += 1
                try:
                    wire.dumps(ask(store, method, [], {**needed, name: value}))
                except AzureMLException as error:
                    assert not isinstance(error, StoreUnavailableException), (method, name, value)
                    assert "SELECT" not in str(error)
    assert asked > 500
    store.close()


POISON = [
    '{"t":"status","run":"r","status":"Running","at":"x"}', '{"t":"status","run":5,"status":"Running","at":1}',
    '{"t":"run","run":{"id":"q","experiment":"e","type":"t","created":"x"}}', '{"t":"chg","run":"r","at":1,"set_tags":[1]}',
    '{"t":"run","run":{"id":"q","experiment":"e","type":"t","created":1e999}}', '{"t":"chg","run":"r","at":1,"set_tags":{"a":{}}}',
    '{"t":"file","run":"r","path":"f","digest":"a","size":"x","at":1}', '{"t":"snap","snapshot":{"id":"s","files":{"a":5}}}',
    '{"t":"pts","run":"r","name":"n","steps":[1,2],"times":[1],"values":[1]}', '{"t":"run","run":{"id":"\\ud800","experiment":"e","type":"t"}}',
]  # fmt: skip


def test_a_batch_that_would_spoil_a_workspace_for_everybody_is_refused():
    store = place_of(jupyter_server_process.address()).open_store()
    Sender(store)(born("r"))
    last = store.last_change()
    for event in POISON:
        body = json.dumps({"journal": uuid.uuid4().hex, "first": 0, "count": 1}) + "\n" + event
        with pytest.raises(UserErrorException):
            store._client.request("POST", "apply", body.encode(), headers={"Content-Type": wire.MEDIA_TYPE})
    assert store.last_change() == last and [run.id for run in store.runs(RunQuery()).runs] == ["r"]
    store.close()


@pytest.mark.parametrize("address", [postgres_process.address, jupyter_server_process.address])
def test_an_entry_that_no_store_can_digest_does_not_hold_up_the_others(address, tmp_path, caplog):
    url = address()
    more = {"artifacts": str(tmp_path / "artifacts")} if url.startswith("postgresql") else {}
    connection = connect(url, create=True, **more)
    connection.write(born("before"), RunCreated(run=RunRecord(id="half \ud800", experiment="e", type="t")))
    connection.write(born("behind"), RunChanged(run="behind", at=1.0, set_tags={"a": "b"}))
    connection.flush()
    assert sorted(run.id for run in connection.store.runs(RunQuery()).runs) == ["before", "behind"]
    (aside,) = (connection.folder / "journals").glob("*.rejected")
    assert b"half" in aside.read_bytes() and "kept in" in caplog.text
    connection.close()
