"""ComputeTarget: where submitted runs are executed. Its surface is that of the AzureML SDK v1.

A target is a named thing of the workspace (kind "compute"), so that every process finds it: its definition (`type`,
`settings`) and what whoever serves it says of itself (`live`).

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.compute.computetarget
"""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from jupyter_aml.errors import (
    AzureMLException,
    ComputeTargetException,
    ConflictException,
    NotFoundException,
    UserErrorException,
)
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking.names import tags_of
from jupyter_aml.tracking.who import user_name

KIND = "compute"
FRESH = 20.0
"""Seconds for which what a target's server said of itself counts."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,63}\Z")
_RESERVED = ("local", "amlcompute")


class ComputeTargetProvisioningConfiguration:
    """What a target to be created shall be."""

    def __init__(self, type: Any, location: str | None = None) -> None:
        self._target_class = type
        self.location = location

    def validate_configuration(self) -> None:
        """Raises ComputeTargetException when it cannot be right."""

    def _settings(self) -> dict[str, Any]:
        raise NotImplementedError


class ComputeTargetAttachConfiguration:
    """How a machine that is there is attached."""

    def __init__(self, type: Any) -> None:
        self._target_class = type

    def validate_configuration(self) -> None:
        """Raises ComputeTargetException when it cannot be right."""


class ComputeTarget:
    """A compute target of a workspace. ``ComputeTarget(workspace, name)`` is one of the class that its type asks for.

    Args:
        workspace: the workspace.
        name: the target's name.

    Raises:
        ComputeTargetException: there is none of that name, or it is of another type than the class says.
    """

    _compute_type: ClassVar[str] = ""
    _classes: ClassVar[dict[str, builtins.type[ComputeTarget]]] = {}
    _record: AssetRecord

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls._compute_type:
            ComputeTarget._classes[cls._compute_type] = cls

    def __new__(cls, workspace: Any, name: str) -> Any:
        """Find it."""
        record = workspace.connection.store.asset(KIND, str(name))
        if record is None:
            raise _absent(workspace, name)
        return cls._made(workspace, record)

    def __init__(self, workspace: Any, name: str) -> None:
        pass  # `__new__` has done it: the class is only known when the target is found

    @classmethod
    def _made(cls, workspace: Any, record: AssetRecord) -> ComputeTarget:
        import jupyter_aml.compute.kinds  # noqa: F401 - the classes make themselves known

        chosen = ComputeTarget._classes.get(str(record.data.get("type")), ComputeTarget)
        if not issubclass(chosen, cls):
            raise ComputeTargetException(
                f"The compute target {record.name!r} is of type {record.data.get('type')}, not {cls._compute_type}. "
                f"ComputeTarget(workspace, {record.name!r}) gives it."
            )
        made = object.__new__(chosen)
        made._adopt(workspace, record)
        return made

    def _adopt(self, workspace: Any, record: AssetRecord) -> None:
        self.workspace = workspace
        self._record = record

    # -- making, finding ---------------------------------------------------------------------------------------------
    @staticmethod
    def create(workspace: Any, name: str, provisioning_configuration: Any) -> ComputeTarget:
        """Create a target; one of that name and type gets the new settings.

        Args:
            workspace: the workspace.
            name: 2 to 64 letters, digits, dashes and underscores, a letter first.
            provisioning_configuration: what ``AmlCompute.provisioning_configuration(…)`` and the like give.

        Raises:
            ComputeTargetException: a configuration that cannot be, or the name is that of another type of target.
        """
        made = getattr(provisioning_configuration, "_target_class", None)
        if made is None or not hasattr(provisioning_configuration, "_settings"):
            raise ComputeTargetException(
                f"{provisioning_configuration!r} is no provisioning configuration. "
                "AmlCompute.provisioning_configuration(vm_size=…, max_nodes=…) makes one."
            )
        provisioning_configuration.validate_configuration()
        found: ComputeTarget = made._create(workspace, _checked(name), provisioning_configuration)
        return found

    @staticmethod
    def attach(workspace: Any, name: str, attach_configuration: Any) -> ComputeTarget:
        """Attach a machine that is there.

        Args:
            workspace: the workspace.
            name: as for `create`.
            attach_configuration: what ``RemoteCompute.attach_configuration(…)`` gives.

        Raises:
            ComputeTargetException: it cannot be reached so, or the name is taken.
        """
        made = getattr(attach_configuration, "_target_class", None)
        if made is None or not hasattr(made, "_attach"):
            raise ComputeTargetException(
                f"{attach_configuration!r} is no attach configuration. RemoteCompute.attach_configuration(…) makes one."
            )
        attach_configuration.validate_configuration()
        found: ComputeTarget = made._attach(workspace, _checked(name), attach_configuration)
        return found

    @classmethod
    def _put(
        cls,
        workspace: Any,
        name: str,
        settings: Mapping[str, Any],
        *,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        **more: Any,
    ) -> ComputeTarget:
        """Write a target down; one of that name and type gets the new settings."""
        now = time.time()
        data = {"type": cls._compute_type, "settings": dict(settings), **more}
        record = AssetRecord(
            kind=KIND, name=name, created=now, modified=now, user=user_name(),
            description=description or "", tags=tags_of(tags or {}), data=data,
        )  # fmt: skip
        store = workspace.connection.store
        try:
            return cls._made(workspace, store.put_asset(record, if_exists="fail"))
        except ConflictException:
            there = store.asset(KIND, name)
        if there is None or there.data.get("type") != cls._compute_type:
            kind = there.data.get("type") if there is not None else "other"
            raise ComputeTargetException(
                f"There is a compute target {name!r} of type {kind} already. Choose another name, or delete it first."
            )
        changed = store.change_asset(
            there.id, at=now, who=user_name(), data={"settings": dict(settings), **more},
            description=description, set_tags=tags_of(tags or {}),
        )  # fmt: skip
        return cls._made(workspace, changed)

    @staticmethod
    def list(workspace: Any) -> builtins.list[ComputeTarget]:
        """All targets of a workspace, by name."""
        found = workspace.connection.store.walk_assets(AssetQuery(kind=KIND))
        return [ComputeTarget._made(workspace, record) for record in found]

    # -- what it is --------------------------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def id(self) -> str:
        """Its id."""
        return self._record.id

    @property
    def type(self) -> str:
        """AmlCompute, ComputeInstance, VirtualMachine …"""
        return str(self._record.data.get("type", ""))

    @property
    def location(self) -> str:
        """The workspace's location."""
        return str(self.workspace.location)

    @property
    def cluster_location(self) -> str:
        """The workspace's location."""
        return self.location

    @property
    def cluster_resource_id(self) -> str | None:
        """Of a resource elsewhere; there is none."""
        return None

    @property
    def tags(self) -> dict[str, str | None]:
        """Its tags."""
        return dict(self._record.tags)

    @property
    def description(self) -> str:
        """What it is for."""
        return self._record.description

    @property
    def created_on(self) -> float:
        """When it was made (seconds since the epoch)."""
        return self._record.created

    @property
    def modified_on(self) -> float:
        """When it was changed last."""
        return self._record.modified

    @property
    def is_attached(self) -> bool:
        """Whether it was there before."""
        return False

    @property
    def provisioning_state(self) -> str:
        """Succeeded, Failed, Creating, Deleting."""
        return "Succeeded"

    @property
    def provisioning_errors(self) -> Any:
        """What went wrong when it was made."""
        return None

    @property
    def _settings(self) -> dict[str, Any]:
        return dict(self._record.data.get("settings") or {})

    @property
    def _live(self) -> dict[str, Any]:
        """What its server says of itself; {} when that is not lately."""
        said = dict(self._record.data.get("live") or {})
        return said if time.time() - float(said.get("at") or 0) < FRESH else {}

    def refresh_state(self) -> None:
        """Look it up again.

        Raises:
            ComputeTargetException: it was deleted.
        """
        record = self.workspace.connection.store.asset(KIND, self.name)
        if record is None or record.id != self.id:
            raise _absent(self.workspace, self.name)
        self._record = record

    def get(self) -> ComputeTarget:
        """Itself, looked up again."""
        self.refresh_state()
        return self

    def get_status(self) -> Any:
        """Its state now: an object with `serialize()`, or a word."""
        self.refresh_state()
        return self.provisioning_state

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until it is provisioned.

        Args:
            show_output: print how that goes.
            is_delete_operation: it was deleted; there is nothing to wait for.
        """
        if not is_delete_operation:
            self.refresh_state()
        if show_output:
            print(f"{self.provisioning_state}\n{self.type} wait for completion finished\n")

    def serialize(self) -> dict[str, Any]:
        """As JSON, as the SDK has it."""
        return {
            "id": self.id,
            "name": self.name,
            "tags": self.tags,
            "location": self.location,
            "properties": {
                "computeLocation": self.location,
                "computeType": self.type,
                "description": self.description,
                "resourceId": self.cluster_resource_id,
                "isAttachedCompute": self.is_attached,
                "provisioningErrors": self.provisioning_errors,
                "provisioningState": self.provisioning_state,
                "properties": self._properties(),
            },
        }

    def _properties(self) -> dict[str, Any]:
        return self._settings

    @staticmethod
    def deserialize(workspace: Any, object_dict: Mapping[str, Any]) -> ComputeTarget:
        """The target that `serialize` described, as it is now.

        Raises:
            ComputeTargetException: it is described wrongly, or not there.
        """
        try:
            return ComputeTarget(workspace, object_dict["name"])
        except (KeyError, TypeError):
            raise ComputeTargetException("A serialized compute target is a dict with its name.") from None

    # -- its runs ----------------------------------------------------------------------------------------------------
    def _queue(self) -> str:
        """The queue where its runs wait."""
        return queue_of(self.name)

    def _check_job(self, definition: Mapping[str, Any]) -> None:
        """Raises ComputeTargetException when it takes no such run now."""
        self.refresh_state()

    def _wake(self) -> None:
        """A job was put into its queue, or its settings have changed."""
        self.workspace._wake_launcher(self._queue(), self._live.get("machine"))

    def get_active_runs(self, type: Any = None, tags: Any = None, properties: Any = None, status: Any = None) -> Any:
        """Its runs that have not ended, next ones first.

        Args:
            type, tags, properties, status: only runs that are so.
        """
        for job in self.workspace.connection.store.jobs(self._queue()):
            try:
                run = self.workspace.get_run(job.run)
            except NotFoundException:
                continue
            if _fits(run, type, tags, properties, status):
                yield run

    def _refuse_or_cancel(self, force: bool, verb: str) -> None:
        jobs = self.workspace.connection.store.jobs(self._queue())
        if jobs and not force:
            raise ComputeTargetException(
                f"The compute target {self.name!r} has {len(jobs)} run{'s' * (len(jobs) > 1)} that have not ended "
                f"({', '.join(job.run for job in jobs[:3])}{' …' if len(jobs) > 3 else ''}). Wait for them or cancel them; "
                f"{verb}(force=True) cancels them."
            )

    def _remove(self, force: bool, verb: str) -> None:
        """Take it out of the workspace, and end its runs."""
        self.refresh_state()
        self._refuse_or_cancel(force, verb)
        store = self.workspace.connection.store
        store.delete_asset(self.id, at=time.time(), who=user_name())
        for job in store.jobs(self._queue()):  # also one that was submitted just now
            try:
                self.workspace.get_run(job.run).cancel()
            except AzureMLException:  # it has ended meanwhile
                continue
        if self._live:
            self._wake()

    def delete(self) -> None:
        """Delete it. Raises ComputeTargetException: it cannot be."""
        raise ComputeTargetException(f"A {self.type} is not deleted. Use detach().")

    def detach(self) -> None:
        """Forget it. Raises ComputeTargetException: it was not attached."""
        raise ComputeTargetException(f"A {self.type} is not detached. Use delete().")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace.name!r}, name={self.name!r}, type={self.type!r})"


def kept(key: str) -> Any:
    """A property: what the target's configuration said, without effect here."""
    return property(lambda self: self._settings.get(key), doc="Kept from its configuration.")


def queue_of(name: str) -> str:
    """The queue of a target."""
    return f"{KIND}/{name}"


def name_of(queue: str) -> str:
    """The target of a queue; "" for another kind of queue."""
    kind, _, name = queue.partition("/")
    return name if kind == KIND else ""


def _checked(name: str) -> str:
    if not isinstance(name, str) or not _NAME.match(name) or name.lower() in _RESERVED:
        raise ComputeTargetException(
            f"The name of a compute target is 2 to 64 letters, digits, dashes and underscores, a letter first, and not "
            f"'local'; not {name!r}."
        )
    return name


def _absent(workspace: Any, name: str) -> ComputeTargetException:
    known = workspace.connection.store.asset_names(KIND)
    told = NotFoundException.of("compute target", str(name), known, "ComputeTarget.create() makes one.")
    return ComputeTargetException(f"ComputeTargetNotFound: {told.message}")


def _fits(run: Any, type: Any, tags: Any, properties: Any, status: Any) -> bool:
    def has(there: Mapping[str, Any], wanted: Any) -> bool:
        if isinstance(wanted, str):
            return wanted in there
        return all(there.get(key) == value for key, value in (wanted or {}).items())

    return (
        (type is None or run.type == type)
        and (status is None or run.get_status() == status)
        and has(run.tags, tags)
        and has(run.properties, properties)
    )


def whole(name: str, value: Any, least: int = 0) -> int:
    """A number that may have come as text.

    Raises:
        UserErrorException: it is none, or too small.
    """
    try:
        number = int(value)
        good = number >= least and float(value) == number
    except (TypeError, ValueError):
        good = False
    if not good:
        raise UserErrorException(f"{name} is a whole number, {least} or more, not {value!r}.")
    return number
