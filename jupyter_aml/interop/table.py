"""Which of our objects stands for which of the SDK's: one row each, the only place to extend when a capability arrives.

A row's key is where the SDK *defines* the thing; all modules that also had it under that name follow from `sdk.json`.
The value says where ours is: ``module:attribute``, loaded at first use.
"""

from __future__ import annotations

SERVED: dict[str, str] = {
    "azureml.core.VERSION": "jupyter_aml.interop.stand_ins:VERSION",
    "azureml.core.experiment.Experiment": "jupyter_aml.tracking.experiment:Experiment",
    "azureml.core.model.Model": "jupyter_aml.models.model:Model",
    "azureml.core.run.Run": "jupyter_aml.tracking.run:Run",
    "azureml.core.run._OfflineRun": "jupyter_aml.tracking.offline:OfflineRun",
    "azureml.core.workspace.Workspace": "jupyter_aml.workspace:Workspace",
    "azureml.exceptions.ActivityFailedException": "jupyter_aml.errors:ActivityFailedException",
    "azureml.exceptions.AzureMLException": "jupyter_aml.errors:AzureMLException",
    "azureml.exceptions.ComputeTargetException": "jupyter_aml.errors:ComputeTargetException",
    "azureml.exceptions.DatasetTimestampMissingError": "jupyter_aml.errors:DatasetTimestampMissingError",
    "azureml.exceptions.ModelNotFoundException": "jupyter_aml.errors:ModelNotFoundException",
    "azureml.exceptions.RunEnvironmentException": "jupyter_aml.errors:RunEnvironmentException",
    "azureml.exceptions.SnapshotException": "jupyter_aml.errors:SnapshotException",
    "azureml.exceptions.UserErrorException": "jupyter_aml.errors:UserErrorException",
    "azureml.exceptions.WebserviceException": "jupyter_aml.errors:WebserviceException",
    "azureml.exceptions.WorkspaceException": "jupyter_aml.errors:WorkspaceException",
    "azureml.telemetry.UserErrorException": "jupyter_aml.errors:UserErrorException",
    "azureml.telemetry.set_diagnostics_collection": "jupyter_aml.interop.stand_ins:set_diagnostics_collection",
    "azureml.widgets.RunDetails": "jupyter_aml.notebook.widgets:RunDetails",
}
