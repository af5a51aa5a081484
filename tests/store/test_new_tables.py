"""PostgreSQL finds a page quickly in tables that were filled a moment ago, of which its planner knows nothing yet."""

from __future__ import annotations

import postgres_process
import pytest
from sqlalchemy import event, text
from stores import born

from jupyter_aml.store.events import Batch
from jupyter_aml.store.grammar import parse
from jupyter_aml.store.place import place_of
from jupyter_aml.store.records import RunQuery

pytestmark = pytest.mark.timeout(120)


def test_a_page_of_runs_that_came_in_a_moment_ago_does_not_go_through_all_of_them_for_each():
    store = place_of(postgres_process.address()).open_store(create=True)

    @event.listens_for(store._engine, "connect")
    def impatient(raw, _):
        raw.autocommit = True
        raw.execute("SET statement_timeout TO 20000")
        raw.autocommit = False

    store._engine.dispose()
    with (
        store._engine.connect().execution_options(schema_change=True) as c,
        c.begin(),
    ):  # as where autovacuum did not come by yet
        for table in ("run", "attribute", "metric", "experiment"):
            c.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
    query = RunQuery(experiment="e3", where=[parse("params.p = two")], limit=100)
    assert store.runs(query).runs == []
    for start in range(0, 6000, 1000):
        events = [
            born(f"{n:08x}", f"e{n % 10}", params={"p": ["two", "ten"][n // 10 % 10 > 0], "q": n})
            for n in range(start, start + 1000)
        ]
        store.apply(Batch(journal="fill", first=start, count=len(events), events=events))
    page = store.runs(query)
    assert len(page.runs) == 60 and page.next is None
    store.close()
