"""MLflow's client on our workspaces: its experiments, runs, metrics, parameters, tags, artifacts and logged models are kept in ours.

MLflow finds this package by its entry points (``mlflow.tracking_store`` and ``mlflow.artifact_repository``, scheme ``aml``), so
that nothing here is imported where MLflow is not used. docs/mlflow.md says what becomes of what.
"""
