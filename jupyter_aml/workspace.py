"""Workspace: the one object that users start from. It hands out the nouns; its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.workspace.workspace
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.jobs import aftermath  # noqa: F401 - completes notebooks whose process was killed
from jupyter_aml.store import home
from jupyter_aml.store.connection import Connection, connect
from jupyter_aml.store.place import known_workspaces
from jupyter_aml.tracking import context, html
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.lifetime import make_workspaces_by
from jupyter_aml.tracking.run import Run
from jupyter_aml.tracking.who import actor
from jupyter_aml.workspace_nouns import NounsMixin

NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_CONFIG_NAMES = (".azureml/config.json", "aml_config/config.json", "config.json")
_FACTS = {"subscription_id": NO_SUBSCRIPTION, "resource_group": "local", "location": "local", "sku": "Basic"}
_said_default: set[str] = set()


class Workspace(NounsMixin):
    """The workspace of a name in the user's home of workspaces.

    Args:
        subscription_id: kept as text, for notebooks that print it.
        resource_group: likewise.
        workspace_name: its name.

    Raises:
        WorkspaceException: there is none of that name; `Workspace.create` makes one.
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str | None = None,
        auth: Any = None,
        _location: str | None = None,
        _disable_service_check: bool = False,
        _workspace_id: str | None = None,
        sku: str = "basic",
        tags: Any = None,
        _cloud: str = "AzureCloud",
    ) -> None:
        name = home.DEFAULT_WORKSPACE if workspace_name is None else workspace_name
        known = known_workspaces()
        of_run = None if name in known else _of_this_run(name)
        if name not in known and of_run is None:
            raise WorkspaceException(_not_found(name))
        self._adopt(of_run.connection if of_run else connect(known[name]), subscription_id, resource_group)

    def _adopt(
        self, connection: Connection, subscription_id: str | None = None, resource_group: str | None = None
    ) -> None:
        self._connection = connection
        self._facts = {**_FACTS, **{k: str(v) for k, v in connection.about.items() if k in _FACTS and v}}
        if subscription_id:
            self._facts["subscription_id"] = str(subscription_id)
        if resource_group:
            self._facts["resource_group"] = str(resource_group)

    @classmethod
    def _of(cls, connection: Connection, **facts: str | None) -> Workspace:
        made = cls.__new__(cls)
        made._adopt(connection, facts.get("subscription_id"), facts.get("resource_group"))
        return made

    # -- ways to one ---------------------------------------------------------------------------------------------------
    @staticmethod
    def from_url(
        url: str | Path, create: bool = False, name: str | None = None, artifacts: str | None = None
    ) -> Workspace:
        """The workspace at a URL.

        Args:
            url: a folder's path or ``file://``; ``postgresql://user:password@host/database?schema=NAME``; or the ``http(s)://`` URL of a
                Jupyter server that has jupyter_aml, with ``?token=…`` (and ``&workspace=NAME`` where it offers several).
                Credentials are kept in a file that only you can read; the URL goes without them from then on.
            create: make it when there is none (a server makes its own).
            name: its name then.
            artifacts: where a PostgreSQL workspace keeps its files, when it is made: a folder, or any URL that fsspec knows
                (``s3://bucket/prefix``, ``abfs://``, ``gs://``).

        Raises:
            WorkspaceException: there is none.
            StoreUnavailableException: it does not answer.
        """
        return Workspace._of(connect(url, create=create, name=name, artifacts=artifacts))

    @staticmethod
    def default() -> Workspace:
        """The user's default workspace, made at first use."""
        return Workspace._of(
            connect(home.workspace_url(home.DEFAULT_WORKSPACE), create=True, name=home.DEFAULT_WORKSPACE)
        )

    @staticmethod
    def from_config(
        path: Any = None, auth: Any = None, _logger: Any = None, _file_name: str | None = None
    ) -> Workspace:
        """The workspace that a config file names.

        ``config.json`` or ``.azureml/config.json`` is searched from the working folder upwards. It holds the SDK's three
        names (``subscription_id``, ``resource_group``, ``workspace_name``; the workspace of that name in the user's home is
        made at need), or a ``workspace_url``. Without any, it is the workspace of the run that this process is (a submitted
        script); elsewhere the default workspace, and one line says where that is.

        Args:
            path: the file, or the folder where the search begins.

        Raises:
            UserErrorException: `path` was given and there is no config, or the config cannot be read.
        """
        found = find_config(path, _file_name)
        if found is None:
            if path is not None:
                raise UserErrorException(
                    f"There is no workspace config at {str(path)!r} or above it. "
                    "Workspace.write_config() writes one; without path= the default workspace is used."
                )
            here = _of_this_run()
            if here is not None:
                return here
            default = Workspace.default()
            if default.url not in _said_default:
                _said_default.add(default.url)
                print(f"No workspace config found: using the default workspace in {default.url}")
            return default
        facts = read_config(found)
        of_run = _of_this_run(facts.get("workspace_name"))
        if of_run is not None:
            return of_run
        if facts.get("workspace_url"):
            url = facts["workspace_url"]
            if "://" not in url:  # a relative folder is meant from the config's own
                base = found.parent.parent if found.parent.name in (".azureml", "aml_config") else found.parent
                url = str(base / Path(url).expanduser())
            return Workspace._of(connect(url, create=True, name=facts.get("workspace_name")))
        name = facts["workspace_name"]
        connection = connect(known_workspaces().get(name) or home.workspace_url(name), create=True, name=name)
        return Workspace._of(
            connection, subscription_id=facts.get("subscription_id"), resource_group=facts.get("resource_group")
        )

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,
    ) -> Workspace:
        """The workspace of that name.

        Raises:
            WorkspaceException: there is none.
        """
        return Workspace(subscription_id, resource_group, name)

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: Mapping[str, str] | None = None,
        friendly_name: str | None = None,
        exist_ok: bool = False,
        show_output: bool = True,
        **azure_only: Any,
    ) -> Workspace:
        """Make a workspace in the user's home of workspaces.

        Args:
            name: 1 to 255 characters.
            subscription_id, resource_group, location, sku: kept as text, for notebooks that print them.
            tags: of the workspace.
            friendly_name: a longer name.
            exist_ok: give the existing one instead of an error.
            **azure_only: the SDK's parameters for Azure resources are accepted and have no effect.

        Raises:
            WorkspaceException: there is one of that name.
        """
        url = home.workspace_url(name)
        if name in home.list_workspaces():
            if not exist_ok:
                raise WorkspaceException(
                    f"There is a workspace {name!r} already, in {url}. Use exist_ok=True to open it."
                )
            return Workspace.get(name, subscription_id=subscription_id, resource_group=resource_group)
        given = {"subscription_id": subscription_id, "resource_group": resource_group, "location": location, "sku": sku}
        folder = home.parse_url(url)
        home.create(folder, name, **{k: str(v) for k, v in given.items() if v})
        made = Workspace._of(connect(url))
        if tags or friendly_name:
            made.update(friendly_name=friendly_name, tags=tags)
        return made

    @staticmethod
    def list(
        subscription_id: str | None = None, auth: Any = None, resource_group: str | None = None
    ) -> dict[str, list[Workspace]]:
        """The user's workspaces, those in the home and those elsewhere that were opened: name → a list of one (the SDK's shape)."""
        return {name: [Workspace._of(connect(url))] for name, url in known_workspaces().items()}

    def write_config(self, path: Any = None, file_name: str | None = None) -> None:
        """Write ``.azureml/config.json`` for `from_config`.

        Args:
            path: the folder that gets ``.azureml`` (the working folder by default).
            file_name: instead of config.json.
        """
        root = Path(path) if path is not None else Path()
        folder = root if root.name == ".azureml" else root / ".azureml"
        facts = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        if home.list_workspaces().get(self.name) != self.url:
            facts["workspace_url"] = self.url
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / (file_name or "config.json")).write_text(json.dumps(facts, indent=4) + "\n", encoding="utf-8")
        except OSError as error:
            raise WorkspaceException(f"Cannot write the config below {folder}: {error.strerror}.") from error

    # -- what it is ----------------------------------------------------------------------------------------------------
    @property
    def connection(self) -> Connection:
        """This process's connection to it: the journal that is written and the store that is read."""
        return self._connection

    @property
    def url(self) -> str:
        """Where it is."""
        return self._connection.url

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._connection.about["name"])

    @property
    def id(self) -> str:
        """Its id."""
        return str(self._connection.about["id"])

    @property
    def subscription_id(self) -> str:
        """As given at creation or in the config; zeros else."""
        return self._facts["subscription_id"]

    @property
    def resource_group(self) -> str:
        """As given at creation or in the config; "local" else."""
        return self._facts["resource_group"]

    @property
    def location(self) -> str:
        """As given at creation; "local" else."""
        return self._facts["location"]

    @property
    def sku(self) -> str:
        """As given at creation; "Basic" else."""
        return self._facts["sku"]

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return dict(self._connection.store.settings().get("tags") or {})

    @property
    def experiments(self) -> dict[str, Experiment]:
        """Its experiments by name."""
        return {experiment.name: experiment for experiment in Experiment.list(self)}

    def get_run(self, run_id: str) -> Run:
        """The run of that id.

        Raises:
            NotFoundException: there is none.
        """
        return Run.get(self, run_id)

    def get_details(self) -> dict[str, Any]:
        """What the SDK tells of a workspace: id, name, location, tags … Azure's resources, which there are none of, are ""."""
        from jupyter_aml.tracking.run_details import iso

        settings = self._connection.store.settings()
        return {
            "id": self.id,
            "name": self.name,
            "location": self.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "tags": self.tags,
            "sku": self.sku,
            "workspaceid": self.id,
            "description": settings.get("description", ""),
            "friendlyName": settings.get("friendly_name") or self.name,
            "creationTime": iso(float(self._connection.about.get("created", 0.0))),
            "subscriptionId": self.subscription_id,
            "resourceGroup": self.resource_group,
            "url": self.url,
            **dict.fromkeys(("storageAccount", "keyVault", "applicationInsights", "containerRegistry"), ""),
            "privateEndpointConnections": [],
        }

    def update(
        self,
        friendly_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        **azure_only: Any,
    ) -> Workspace:
        """Change its friendly name, description or tags."""
        given = {"friendly_name": friendly_name, "description": description, "tags": dict(tags) if tags else None}
        values = {key: value for key, value in given.items() if value is not None}
        self._connection.store.put_settings(values, who=actor())
        return self

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Delete it and everything in it, for good.

        Raises:
            WorkspaceException: it is not a folder; databases and servers are tidied up by those who run them.
        """
        if self._connection.place.kind != "folder":
            raise WorkspaceException(f"{self.url} is no folder: its database or server has to be asked to delete it.")
        self._connection.close()
        shutil.rmtree(self._connection.folder)

    def get_mlflow_tracking_uri(self, _with_auth: bool = True) -> str:
        """The URI for ``mlflow.set_tracking_uri``: this workspace, without credentials (docs/mlflow.md)."""
        return f"aml:{self.url}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )

    def _repr_html_(self) -> str:
        try:
            experiments = self._connection.store.experiments()
            return html.facts(
                "Workspace",
                {
                    "Name": self.name,
                    "Place": self.url,
                    "Experiments": len(experiments),
                    "Runs": sum(e.run_count for e in experiments),
                },
            )
        except Exception:
            return f"<code>{html.escape(repr(self))}</code>"


def _of_this_run(name: str | None = None) -> Workspace | None:
    """The workspace of the submitted run that this process is, if it is called so: it may be on a machine that knows none by name."""
    here = context.current() if os.environ.get(context.RUN_ID) else None
    found = None if here is None else Workspace._of(here.connection)
    return found if found is not None and name in (None, found.name) else None


def find_config(path: Any = None, file_name: str | None = None) -> Path | None:
    """The config file at `path` (a file, or the folder where the search upwards begins; the working folder by default)."""
    try:
        start = Path(path) if path is not None else Path.cwd()
    except FileNotFoundError:  # the working folder was deleted
        return None
    if start.is_file():
        return start
    if path is not None and start.suffix == ".json" and not start.exists():  # as write_config(path, file_name) was told
        return find_config(start.parent, start.name)
    names = [f".azureml/{file_name}", file_name] if file_name else _CONFIG_NAMES
    start = start.absolute()
    for folder in (start, *start.parents):
        for name in names:
            candidate = folder / name
            if candidate.is_file() and _names_a_workspace(candidate):
                return candidate
    return None


def _names_a_workspace(path: Path) -> bool:
    """Whether a config.json is ours to read: many programs call their files so."""
    if path.parent.name in (".azureml", "aml_config"):
        return True
    try:
        facts = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and ("workspace_name" in facts or "workspace_url" in facts)


def read_config(path: Path) -> dict[str, str]:
    """The facts of a config file.

    Raises:
        UserErrorException: not JSON, or it names no workspace.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserErrorException(f"The workspace config {path} cannot be read: {error}.") from error
    if isinstance(facts, dict) and isinstance(facts.get("Scope"), str):
        facts |= _scope(facts["Scope"])
    if not isinstance(facts, dict) or not (facts.get("workspace_name") or facts.get("workspace_url")):
        raise UserErrorException(f"The workspace config {path} names no workspace_name.")
    return facts


def _scope(resource: str) -> dict[str, str]:
    """What an Azure resource id says, which the SDK's command line wrote into its config files."""
    parts = resource.strip("/").split("/")
    said = {key.lower(): value for key, value in zip(parts[::2], parts[1::2], strict=False)}
    names = {"subscriptions": "subscription_id", "resourcegroups": "resource_group", "workspaces": "workspace_name"}
    return {ours: said[theirs] for theirs, ours in names.items() if theirs in said}


def _not_found(name: str) -> str:
    known = sorted(known_workspaces())
    have = f"There are {', '.join(repr(k) for k in known[:10])}." if known else "There is none yet."
    return (
        f"Workspaces not found: there is no workspace {name!r} in {home.home()}. {have} Workspace.create() makes one."
    )


make_workspaces_by(Workspace._of)
