"""The REST interface as an OpenAPI 3.1 document, made from the routes, the records and their docstrings.

Source: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union

from jupyter_server.auth.decorator import authorized
from tornado import web

import jupyter_aml
from jupyter_aml.server.base import STATUS, AmlHandler, answers
from jupyter_aml.store import records

METHODS = ("get", "post", "put", "patch", "delete")
HIDDEN = ("/store/", "/live", "/.*")
"""Routes that are no REST: our own client's, the websocket, and what catches everything else."""

NUMBER: dict[str, Any] = {
    "type": ["number", "string"],
    "description": 'NaN and infinities are "NaN", "Infinity", "-Infinity".',
}
TEXT, WHOLE, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
TAGS = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}

PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "workspace": (TEXT, "Name of one of the workspaces that are offered; the server's own without it."),
    "after": (WHOLE, "Only what came after this sequence number."),
    "all": ({"enum": ["0", "1"]}, "1: every version, not the newest of each name alone."),
    "archived": ({"enum": ["0", "1"]}, "1: archived experiments instead of the active ones."),
    "axis": ({"enum": ["step", "time"]}, "What the series are drawn over."),
    "before": (WHOLE, "Only what came before this sequence number."),
    "by": (TEXT, "A field whose values make the groups: status, type, user, host, name, params.…, tags.…, properties.…."),
    "cell": (TEXT, "Id of a cell, as the notebook has it."),
    "cursor": (TEXT, "`next` of the page before; the rest of the query has to be the same."),
    "digest": (TEXT, "The content's digest, by which a changed file has another address; not looked at."),
    "download": ({"enum": ["0", "1"]}, "1: to be saved, not shown."),
    "everywhere": ({"enum": ["0", "1"]}, "1: children as well as roots."),
    "experiment": (TEXT, "Name of the experiment."),
    "force": ({"enum": ["0", "1"]}, "1: what is at work there is cancelled."),
    "field": (TEXT, "A column such as metrics.loss or params.lr; may be repeated."),
    "filter": (TEXT, "An expression, see docs/filters.md; may be repeated, all must hold."),
    "limit": ({"type": "integer", "minimum": 1}, "How many at most."),
    "metrics": ({"enum": ["0", "1"]}, "1: runs come with their metrics' summaries."),
    "name": (TEXT, "Name of a metric; may be repeated where several are drawn."),
    "noun": ({"enum": ["experiment", "run", "workspace"]}, "Only of these things."),
    "order": (TEXT, "A field to sort by, as in filters; `-` in front for descending."),
    "parent": (TEXT, "Only children of this run."),
    "path": (TEXT, "A path with slashes."),
    "prefix": (TEXT, "Only paths that begin so."),
    "recursive": ({"enum": ["0", "1"]}, "1: all files below, not what lies in the folder itself."),
    "run": (TEXT, "A run's id; may be repeated."),
    "start": ({"type": "number"}, "Where to begin: a position of the axis, a point's place, or a character."),
    "state": ({"enum": ["queued", "claimed"]}, "Only what waits, or what a launcher has."),
    "status": (TEXT, "A run's status; may be repeated."),
    "stop": ({"type": "number"}, "Where to stop."),
    "target": (TEXT, "Name of a queue."),
    "text": (TEXT, "Part of a run's name or id."),
    "type": (TEXT, "A run's type; may be repeated."),
    "verb": ({"enum": ["created", "changed", "ended", "deleted", "logged"]}, "May be repeated."),
    "version": (TEXT, "A version's number; the newest without it."),
    "who": (TEXT, "Only what this user did."),
    "width": ({"type": "integer", "minimum": 1}, "Pixels on which a series is drawn."),
}  # fmt: skip


DELETING = frozenset({"force"})
"""Parameters of DELETE; the others are those of GET."""


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _many(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


_NAMED = {"name": TEXT, "url": TEXT}
_PERHAPS = {"type": ["string", "null"]}
_TRACKING = _object(path=TEXT, tracked=YES, experiment=TEXT, session_run=_PERHAPS, kernel_id=_PERHAPS)
_DATASTORE = _object(
    name=TEXT, type=TEXT, builtin=YES, settings={"type": "object"}, credentials=_many(TEXT), description=TEXT, tags=TAGS
)
_SECRET = _object(
    name=TEXT, version=WHOLE, created={"type": "number"}, modified={"type": "number"}, user=TEXT, content_type=TEXT
)
_ASSETS = _object(
    assets=_many(_ref("AssetRecord")), versions={"type": "object", "additionalProperties": WHOLE}, next=_PERHAPS
)
ANSWERS: dict[str, dict[str, Any]] = {
    "ActivityHandler": _object(activity=_many(_ref("Change")), before={"type": ["integer", "null"]}),
    "CancelHandler": _ref("RunRecord"),
    "ComputeActionHandler": {"type": "object"},
    "ComputeHandler": {"type": "object"},
    "ComputesHandler": _object(targets=_many({"type": "object"})),
    "CuratedHandler": _object(environments={"type": "object"}),
    "ChangesHandler": _object(changes=_many(_ref("Change")), last=WHOLE),
    "CellsHandler": _object(runs=_many(_ref("RunRecord"))),
    "DatastoreFileHandler": TEXT,
    "DatastoreHandler": _DATASTORE,
    "DatastoresHandler": _object(datastores=_many(_DATASTORE), default=TEXT),
    "DatasetHandler": {"type": "object"},
    "DatasetLineageHandler": _object(lineage=_many({"type": "object"})),
    "DatasetProfileHandler": _object(rows=WHOLE, exact=YES, columns=_many({"type": "object"})),
    "DatasetRowsHandler": _object(columns=_many(TEXT), types=_many(TEXT), rows=_many({"type": "array"}), more=YES),
    "DatasetVersionHandler": {"type": "object"},
    "DatasetsHandler": _object(datasets=_many({"type": "object"})),
    "DiffHandler": _object(diff=TEXT, truncated=YES),
    "DocumentHandler": {"type": "object"},
    "EnvironmentHandler": _ref("AssetRecord"),
    "EnvironmentsHandler": _ASSETS,
    "ExperimentHandler": _ref("ExperimentRecord"),
    "ExportHandler": TEXT,
    "ExperimentsHandler": _object(experiments=_many(_ref("ExperimentRecord")), next=_PERHAPS),
    "FieldsHandler": _object(fields=_many({"type": "object"}), total=WHOLE, looked_at=WHOLE, more_runs=YES),
    "FilesHandler": _object(files=_many(_ref("FileRecord")), next=_PERHAPS),
    "GarbageHandler": _ref("Collected"),
    "GroupsHandler": _object(groups=_many({"type": "object"}), others=WHOLE, looked_at=WHOLE, whole=YES),
    "InfoHandler": _object(version=TEXT, workspace=_object(**_NAMED, id=TEXT), track=TEXT, last_change=WHOLE),
    "JobsHandler": _object(jobs=_many({"type": "object"})),
    "ManySeriesHandler": _object(series={"type": "object", "additionalProperties": _ref("Sampled")}),
    "NotebookRunsHandler": _object(run=TEXT),
    "ParametersHandler": _object(readable=YES, parameters=_many({"type": "object"}), kernel=TEXT, experiment=TEXT),
    "ModelAliasHandler": _object(alias=TEXT, version=WHOLE),
    "ModelAliasesHandler": _object(aliases={"type": "object", "additionalProperties": WHOLE}),
    "ModelFileHandler": TEXT,
    "ModelHandler": _ref("AssetRecord"),
    "ModelLineageHandler": _object(links=_many(_ref("LinkRecord"))),
    "EnvironmentLineageHandler": _object(links=_many(_ref("LinkRecord"))),
    "ModelsHandler": _ASSETS,
    "PointsHandler": _ref("Series"),
    "ReproduceHandler": _object(run=TEXT, folder=TEXT, snapshot=YES, parameters=_many({"type": "object"})),
    "RunHandler": _ref("RunRecord"),
    "RunLinksHandler": _object(links=_many(_ref("LinkRecord"))),
    "RunTokenHandler": _object(token=TEXT, expires=WHOLE),
    "RunNotebookHandler": _object(run=TEXT, name=TEXT, content={"type": "object"}),
    "RunsHandler": _object(runs=_many(_ref("RunRecord")), next={"type": ["string", "null"]}),
    "SeriesHandler": _object(series=_many(_ref("Sampled"))),
    "SourceHandler": _object(files=_many(_object(path=TEXT, size=WHOLE)), text=TEXT),
    "SourcesHandler": _object(keepers={"type": "object"}, files=_many(_object(path=TEXT, digests={"type": "object"}))),
    "SubmitHandler": _object(run=TEXT),
    "SizesHandler": _object(sizes=_many({"type": "object"})),
    "SecretHandler": _SECRET,
    "SecretsHandler": _object(secrets=_many(_SECRET)),
    "TableHandler": _object(rows=_many({"type": "object"}), next=_PERHAPS),
    "TreeHandler": _object(path=TEXT, entries=_many({"type": "object"}), next=_PERHAPS),
    "TextHandler": _object(text=TEXT, next=WHOLE),
    "TrackingHandler": _TRACKING,
    "WorkspacesHandler": _object(workspaces=_many(_object(**_NAMED, current=YES))),
}  # fmt: skip
_CHANGES = _object(set_tags=TAGS, drop_tags=_many(TEXT), archived=YES, description=TEXT)
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("DatasetVersionHandler", "patch"): _CHANGES,
    ("EnvironmentHandler", "patch"): _CHANGES,
    ("ExperimentHandler", "patch"): _CHANGES,
    ("ModelHandler", "patch"): _CHANGES,
    ("ModelsHandler", "post"): _object(
        run=TEXT,
        name=TEXT,
        path=TEXT,
        tags=TAGS,
        properties=TAGS,
        description=TEXT,
        framework=TEXT,
        framework_version=TEXT,
    ),
    ("RunTokenHandler", "post"): _object(seconds={"type": "number"}),
    ("RunHandler", "patch"): _object(name=TEXT, description=TEXT, set_tags=TAGS, drop_tags=_many(TEXT)),
    ("NotebookRunsHandler", "post"): _object(
        path=TEXT,
        texts=TAGS,
        parameters={"type": "object"},
        experiment=TEXT,
        name=TEXT,
        kernel=TEXT,
        output=TEXT,
        tags=TAGS,
    ),
    ("ReproduceHandler", "post"): _object(texts=TAGS, parameters={"type": "object"}, folder=TEXT),
    ("SubmitHandler", "post"): _object(
        path=TEXT,
        script=TEXT,
        command=TEXT,
        arguments=_many({"type": ["string", "number"]}),
        config=TEXT,
        experiment=TEXT,
        target=TEXT,
        variables=TAGS,
        tags=TAGS,
        name=TEXT,
        max_seconds={"type": "number"},
        attempts=WHOLE,
        priority=WHOLE,
    ),
    ("ComputeHandler", "patch"): _object(min_nodes=WHOLE, max_nodes=WHOLE, idle_seconds_before_scaledown=WHOLE),
    ("ComputesHandler", "post"): _object(name=TEXT, type={"enum": ["AmlCompute", "ComputeInstance", "VirtualMachine"]}),
    ("DatastoreHandler", "patch"): _object(default=YES),
    ("GarbageHandler", "post"): _object(delete=YES, older_than={"type": "number", "minimum": 0}),
    ("ModelAliasHandler", "put"): _object(version=WHOLE),
    ("SecretHandler", "put"): _object(value=TEXT, content_type=TEXT),
    ("TrackingHandler", "put"): _object(path=TEXT, tracked=YES, experiment=TEXT),
}


# -- headers -----------------------------------------------------------------------------------------------------
ETAG = {"ETag": {"schema": TEXT, "description": '`"<revision>-<digest>"`: for If-Match and If-None-Match.'}}
HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "If-Match": (
        TEXT,
        "The ETag that was read: 409 when somebody else has changed it since, saying what; nothing is done then.",
    ),
    "If-None-Match": (TEXT, "The ETag that was read: 304 when it is the same."),
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "1 to 255 visible ASCII characters: the request is carried out once however often it is sent, and answered alike "
        "for a day, by any server of the workspace and across its restarts. 422: sent with another request; 409 with "
        "Retry-After: it is being answered.",
    ),
}


def _headers(handler: Any, method: str) -> list[str]:
    """The request's headers that this method heeds."""
    if method == "get":
        return ["If-None-Match"]
    heeded = ["If-Match"] if method in handler.conditional else []
    return [*heeded, "Idempotency-Key"] if handler.repeatable else heeded


# -- records ------------------------------------------------------------------------------------------------------
def _schema(hint: Any) -> dict[str, Any]:
    """A type as JSON Schema."""
    plain = {str: TEXT, int: WHOLE, bool: YES, float: NUMBER, type(None): {"type": "null"}}
    if hint in plain:
        return plain[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(one) for one in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if origin is tuple:
        return {"type": "array", "prefixItems": [_schema(one) for one in inner]}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _many(_schema(inner[0]))
    if is_dataclass(hint):
        return _ref(hint.__name__)  # type: ignore[union-attr]
    return {}


def _record(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, vars(records))
    about = inspect.cleandoc(cls.__doc__ or "")
    return {**_object(**{f.name: _schema(hints[f.name]) for f in fields(cls)}), "description": about}  # type: ignore[arg-type]


# -- routes -------------------------------------------------------------------------------------------------------
def _path(pattern: str, names: Sequence[str]) -> str:
    left = iter(names)
    return re.sub(r"\([^)]*\)", lambda _: "{" + next(left) + "}", pattern).replace("\\", "")


def _parameter(name: str) -> dict[str, Any]:
    """What is said of a parameter. One that nobody described is shown all the same (a test finds it)."""
    schema, about = PARAMETERS.get(name, (TEXT, ""))
    return {"schema": schema, "description": about}


CONTENTS = frozenset({"DatastoreFileHandler", "ExportHandler", "FileHandler", "ModelFileHandler"})
"""Handlers whose answer is a file, of whatever type."""


def _operation(handler: type, method: str, function: Any) -> dict[str, Any]:
    name = handler.__name__
    taken = sorted({*(getattr(handler, "parameters", None) or ()), "workspace"})
    names = list(inspect.signature(function).parameters)[1:]
    headers = _headers(handler, method)
    answer: dict[str, Any] = {"description": "It is done."}
    if name in ANSWERS:
        answer = {"description": "As asked.", "content": {"application/json": {"schema": ANSWERS[name]}}}
    if name in CONTENTS:
        answer = {"description": "The content.", "content": {"*/*": {}}}
    if method == "get" or "If-Match" in headers:
        answer = {**answer, "headers": ETAG}
    error = {"description": "An error.", "content": {"application/json": {"schema": _ref("Error")}}}
    special: dict[str, dict[str, Any]] = {}
    if method == "get":
        special["304"] = {"description": "It is what you have."}
    if "If-Match" in headers:
        special["409"] = {**error, "description": "It was changed meanwhile, or its state does not allow this."}
    if "Idempotency-Key" in headers:
        special["422"] = {**error, "description": "The Idempotency-Key was sent with another request."}
    found: dict[str, Any] = {
        "operationId": f"{method}{name.removesuffix('Handler')}",
        "summary": inspect.cleandoc(function.__doc__ or "").splitlines()[0],
        "parameters": [
            *({"name": n, "in": "path", "required": True, "schema": TEXT} for n in names),
            *({"name": n, "in": "header", "schema": HEADERS[n][0], "description": HEADERS[n][1]} for n in headers),
            *(
                {"name": n, "in": "query", **_parameter(n)}
                for n in taken if n == "workspace" or method == ("delete" if n in DELETING else "get")
            ),
        ],
        "responses": {
            "204" if method == "delete" else "200": {"description": "It is gone."} if method == "delete" else answer,
            **special,
            "default": error,
        },
    }  # fmt: skip
    body = BODIES.get((name, method))
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def document(routes: Sequence[tuple[str, type]], base: str = "/") -> dict[str, Any]:
    """The document.

    Args:
        routes: pattern and handler of each.
        base: the Jupyter server's base URL, with our prefix.
    """
    paths: dict[str, dict[str, Any]] = {}
    for pattern, handler in routes:
        if pattern.startswith(HIDDEN):
            continue
        for method in METHODS:
            function = getattr(handler, method)
            if function is not getattr(web.RequestHandler, method):
                plain = inspect.unwrap(function)
                path = _path(pattern, list(inspect.signature(plain).parameters)[1:])
                paths.setdefault(path, {})[method] = _operation(handler, method, plain)
    held = [v for v in vars(records).values() if isinstance(v, type) and is_dataclass(v)]
    codes = ", ".join(f"{kind.__name__} {status}" for kind, status in STATUS)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jupyter_aml",
            "version": jupyter_aml.__version__,
            "description": "A workspace's experiments, runs, metrics and files. Times are seconds since the epoch.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": base}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "`token …`: the Jupyter server's own, or that of one run (`amlrun.…`), which reaches this "
                    "run and what is below it alone. A browser's session needs its XSRF header for changes.",
                }
            },
            "schemas": {
                **{cls.__name__: _record(cls) for cls in held},
                "Error": {**_object(error=_object(code=TEXT, message=TEXT)), "description": f"Statuses: {codes}."},
            },
        },
    }  # fmt: skip


class DocumentHandler(AmlHandler):
    """`GET openapi.json`."""

    routes: Sequence[tuple[str, type]] = ()
    parameters = frozenset()

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """This interface, described for programs."""
        return document(self.routes, self.request.path.removesuffix("/openapi.json"))
