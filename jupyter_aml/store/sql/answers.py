"""Answers to requests that may come again, in their table."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from jupyter_aml.store.answers import Answers, Claim, answer_journal
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import Work, pieces

_SWEPT = 1000
"""Old answers that one claim removes at most."""


class SqlAnswers(Answers):
    """See Answers."""

    _writing: Any

    def claim_answer(self, name: str, request: str, *, lease: float = 60.0, keep: float = 86_400.0) -> Claim:
        """See Answers.claim_answer."""
        a, journal = t.answer.c, answer_journal(name)
        with self._writing() as c:
            Work(c)  # one writer at a time
            now = _now(c)
            old = list(c.execute(select(a.name).where(a.time < now - keep).limit(_SWEPT)).scalars())
            for some in pieces(old):
                c.execute(delete(t.answer).where(a.name.in_(some)))
                c.execute(delete(t.journal).where(t.journal.c.id.in_([answer_journal(one) for one in some])))
            row = c.execute(select(t.answer).where(a.name == name)).first()
            if row is None:
                c.execute(t.answer.insert(), {"name": name, "request": request, "time": now, "body": None})
                return Claim("yours")
            if row.request != request:
                return Claim("other")
            if row.body is not None:
                return Claim("answered", row.body)
            if row.time > now - lease:
                return Claim("busy")
            c.execute(update(t.answer).where(a.name == name).values(time=now))
            done = c.execute(select(t.journal.c.applied).where(t.journal.c.id == journal)).scalar()
            return Claim("yours", applied=bool(done))

    def settle_answer(self, name: str, body: str | None) -> None:
        """See Answers.settle_answer."""
        this = t.answer.c.name == name
        with self._writing() as c:
            c.execute(delete(t.answer).where(this) if body is None else update(t.answer).where(this).values(body=body))


def _now(c: Connection) -> float:
    """By the database's clock: two servers need not agree on the hour."""
    if c.dialect.name == "postgresql":
        return float(c.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
    return time.time()
