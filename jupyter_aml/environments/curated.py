"""Environments that every workspace has. Their names are those that notebooks ask for; their versions are today's.

There were hundreds over the years, for each version of a framework and each kind of machine. Some are listed; another one is made
of its name: ``AzureML-PyTorch-1.6-GPU`` has PyTorch.
"""

from __future__ import annotations

import re
from typing import Any

_SKLEARN = ["scikit-learn", "pandas", "numpy", "scipy", "joblib", "matplotlib"]
_PACKAGES: dict[str, list[str]] = {
    "AzureML-Minimal": [],
    "AzureML-Tutorial": [*_SKLEARN, "pyarrow"],
    "AzureML-Scikit-learn-0.20.3": _SKLEARN,
    "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu": _SKLEARN,
    "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu": _SKLEARN,
    "AzureML-Dask-CPU": [*_SKLEARN, "distributed"],
    "AzureML-AutoML": [*_SKLEARN, "pyarrow"],
    "AzureML-PyTorch-1.6-CPU": ["torch", "torchvision", "numpy"],
    "AzureML-TensorFlow-2.2-CPU": ["tensorflow", "numpy"],
    "AzureML-XGBoost-0.90-CPU": [*_SKLEARN, "xgboost"],
    "AzureML-LightGBM-3.2-CPU": [*_SKLEARN, "lightgbm"],
}
_FAMILIES: dict[str, list[str]] = {
    "minimal": [],
    "tutorial": [*_SKLEARN, "pyarrow"],
    "sklearn": _SKLEARN,
    "scikit": _SKLEARN,
    "dask": [*_SKLEARN, "distributed"],
    "automl": [*_SKLEARN, "pyarrow"],
    "deepspeed": ["torch", "torchvision", "numpy", "deepspeed"],
    "pytorch": ["torch", "torchvision", "numpy"],
    "tensorflow": ["tensorflow", "numpy"],
    "keras": ["tensorflow", "numpy"],
    "chainer": ["chainer", "numpy"],
    "xgboost": [*_SKLEARN, "xgboost"],
    "lightgbm": [*_SKLEARN, "lightgbm"],
    "mlflow": ["mlflow"],
    "onnxruntime": ["onnxruntime", "numpy"],
    "pyspark": ["pyspark", "pandas"],
}
"""What a word in the name of an environment that is not listed stands for."""


def is_curated(name: str) -> bool:
    """Whether this is a name of theirs, whether there is one or not."""
    return name.startswith(("AzureML-", "AzureML_", "Microsoft.")) or name in _PACKAGES


def names() -> list[str]:
    """Those that there are."""
    return sorted(_PACKAGES)


def find(name: str) -> dict[str, Any] | None:
    """The description of one, in the shape of `Environment._to_dict`; None when nobody can tell what would be in it."""
    packages = _PACKAGES.get(name)
    if packages is None:
        family = next((word for word in re.split(r"[^a-z0-9]+", name.lower()) if word in _FAMILIES), None)
        if family is None or not is_curated(name):
            return None
        packages = _FAMILIES[family]
    pip = ["azureml-defaults", *packages]
    return {
        "name": name,
        "version": "1",
        "environmentVariables": {},
        "python": {
            "condaDependencies": {
                "name": "project_environment",
                "channels": ["conda-forge"],
                "dependencies": [{"pip": pip}],
            }
        },
    }


def all_of_them() -> dict[str, dict[str, Any]]:
    """Name → description."""
    return {name: found for name in names() if (found := find(name)) is not None}
