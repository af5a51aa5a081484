"""The nouns that a workspace hands out. Each is loaded when it is first asked for, so that logging costs nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.compute.target import ComputeTarget
    from jupyter_aml.data.datastore import Datastore
    from jupyter_aml.data.keyvault import Keyvault
    from jupyter_aml.environments.environment import Environment
    from jupyter_aml.models.model import Model


class NounsMixin:
    """Part of `Workspace`. Dicts are by name, of what is there when they are asked for."""

    # -- data ----------------------------------------------------------------------------------------------------
    @property
    def datastores(self) -> Mapping[str, Datastore]:
        """Its datastores."""
        from jupyter_aml.data.datastore import Datastore

        return Datastore._all(self)

    @property
    def datasets(self) -> Mapping[str, Any]:
        """Its registered datasets, the newest version of each."""
        from jupyter_aml.data.dataset import Dataset

        return Dataset.get_all(self)

    def get_default_datastore(self) -> Datastore:
        """The datastore that is used where none is named ("workspaceblobstore" until another is set)."""
        from jupyter_aml.data.datastore import Datastore

        return Datastore.get_default(self)

    def set_default_datastore(self, name: str) -> None:
        """Use another datastore where none is named.

        Raises:
            NotFoundException: there is none of that name.
        """
        from jupyter_aml.data.datastore import Datastore

        Datastore._set_default(self, name)

    def get_default_keyvault(self) -> Keyvault:
        """Its key vault."""
        from jupyter_aml.data.keyvault import Keyvault

        return Keyvault(self)

    def _dataset_of_id(self, id: str) -> Any:
        from jupyter_aml.data.dataset import dataset_of, record_by_id

        return dataset_of(self, record_by_id(self, id))

    def _input_datasets_of(self, run: Any) -> Mapping[str, Any]:
        from jupyter_aml.data.inputs import input_datasets

        return input_datasets(self, run)

    def _output_datasets_of(self, run: Any) -> Mapping[str, Any]:
        from jupyter_aml.data.inputs import output_datasets

        return output_datasets(self, run)

    # -- what runs need ------------------------------------------------------------------------------------------
    @property
    def environments(self) -> Mapping[str, Environment]:
        """Its environments, the newest version of each, and the curated ones."""
        from jupyter_aml.environments.environment import Environment

        return Environment.list(self)

    def _environment_of(self, run: Any) -> Environment:
        from jupyter_aml.environments.environment import Environment

        described = (run.get_details().get("runDefinition") or {}).get("environment")
        if not described:
            raise UserErrorException(
                f"Run {run.id} has no environment of its own: it ran in the interpreter that was there."
            )
        return Environment._from_dict(described)

    @property
    def compute_targets(self) -> Mapping[str, ComputeTarget]:
        """Its compute targets."""
        from jupyter_aml.compute.target import ComputeTarget

        return {target.name: target for target in ComputeTarget.list(self)}

    def get_default_compute_target(self, type: str = "CPU") -> ComputeTarget | None:
        """The target called `DEFAULT_CPU_CLUSTER_NAME` (or of GPUs); None when there is none."""
        wanted = {"CPU": "cpu-cluster", "GPU": "gpu-cluster"}.get(type.upper())
        return self.compute_targets.get(wanted) if wanted else None

    def submit(self, experiment: Any, config: Any, tags: Mapping[str, str] | None = None, **kwargs: Any) -> Any:
        """See `Experiment.submit`."""
        from jupyter_aml.jobs.submit import submit

        return submit(self, experiment, config, tags=tags, **kwargs)

    def _wake_launcher(self, queue: str, at: str | None = None) -> None:
        """Have the launcher of a queue look at it; `at`: the machine where it is, whose own looks suffice for others."""
        from jupyter_aml.jobs import launching

        if at is None or at == launching.machine():
            launching.ensure(self.connection, queue)  # type: ignore[attr-defined]

    # -- models --------------------------------------------------------------------------------------------------
    @property
    def models(self) -> Mapping[str, Model]:
        """Its models, the newest version of each."""
        from jupyter_aml.models.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    def _register_model_of(self, run: Any, model_name: str, model_path: str | None, **about: Any) -> Model:
        from jupyter_aml.models.register import register_of_run

        return register_of_run(self, run, model_name, model_path, **about)
