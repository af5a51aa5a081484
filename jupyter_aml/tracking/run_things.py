"""What a run has of the workspace's other nouns: models, secrets, datasets. The workspace brings them; a run only knows ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ThingsMixin:
    """Part of `Run`."""

    _experiment: Any

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, Any]] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Register files of this run as the next version of a model.

        Args:
            model_name: its name.
            model_path: file or folder of this run ("outputs/model.pkl"); by default what is called as the model.
            tags, properties, description: kept with the version.
            model_framework, model_framework_version: what made it (`Model.Framework`).
            datasets: ``[("training data", dataset)]``: what it was made of.
            sample_input_dataset, sample_output_dataset: datasets that show what it takes and gives.
            resource_configuration: what it needs when it is deployed.

        Raises:
            UserErrorException: a name that cannot be, or no such file in the run.
        """
        return self._experiment.workspace._register_model_of(
            self, model_name, model_path, tags=tags, properties=properties, model_framework=model_framework,
            model_framework_version=model_framework_version, description=description, datasets=datasets,
            sample_input_dataset=sample_input_dataset, sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )  # fmt: skip

    def get_environment(self) -> Any:
        """The `Environment` that the run was submitted with.

        Raises:
            UserErrorException: it was not submitted, or without one.
        """
        return self._experiment.workspace._environment_of(self)

    def get_secret(self, name: str) -> str | None:
        """A secret of the workspace's key vault; None when there is none of that name."""
        return self._experiment.workspace.get_default_keyvault().get_secret(name)  # type: ignore[no-any-return]

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, str | None]:
        """Several secrets by name."""
        return self._experiment.workspace.get_default_keyvault().get_secrets(secrets)  # type: ignore[no-any-return]

    @property
    def input_datasets(self) -> Mapping[str, Any]:
        """The datasets that the run was given, by the name of the input: a `Dataset`, or the local path where the run has it."""
        return self._experiment.workspace._input_datasets_of(self)  # type: ignore[no-any-return]

    @property
    def output_datasets(self) -> Mapping[str, Any]:
        """The places where the run writes datasets, by the name of the output."""
        return self._experiment.workspace._output_datasets_of(self)  # type: ignore[no-any-return]
