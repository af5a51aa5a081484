"""The environment of a submitted script: what it inherits, what tells it which run it is, and no credentials but its run's token."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import jupyter_aml
from jupyter_aml.store.connection import Connection
from jupyter_aml.tracking import context

_KEPT = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "DISPLAY", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "JUPYTER_AML_HOME", "JUPYTER_AML_ALIAS",
    "JUPYTER_AML_DURABILITY", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_PLATFORM_DIRS", "MPLBACKEND",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_CEILING_DIRECTORIES",
    "NO_PROXY", "no_proxy",
})  # fmt: skip
_KEPT_PREFIXES = ("LC_", "XDG_", "CUDA_", "NVIDIA_", "NCCL_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "ROCM_", "HIP_")
_ADDRESSES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")
"""Kept unless they hold a password."""
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "CONNECTION_STRING", "SAS")
RUN_TOKEN = "AZUREML_RUN_TOKEN"


def inherited(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a script gets of the environment of whoever submits or launches it: names that are known to hold no credentials."""
    environ = os.environ if environ is None else environ
    kept = {k: v for k, v in environ.items() if k in _KEPT or k.startswith(_KEPT_PREFIXES)}
    kept |= {k: environ[k] for k in _ADDRESSES if k in environ and "@" not in environ[k]}
    return {k: v for k, v in kept.items() if not looks_secret(k)}


def inherited_on(submitted: Mapping[str, str] | None, host: str) -> dict[str, str]:
    """The same for a script that was submitted on `host` with the environment `submitted`: on another machine it gets what
    there is, as folders and devices of the one are not those of the other."""
    here = os.uname().nodename if hasattr(os, "uname") else ""
    return inherited(submitted if submitted and host == here else None)


def looks_secret(name: str) -> bool:
    """Whether a variable of this name may hold a credential."""
    upper = name.upper()
    return any(word in upper for word in _SECRET)


def alias_folder() -> str:
    """The folder that brings the azureml alias to a Python that has it in PYTHONPATH."""
    return str(Path(jupyter_aml.__file__).parent / "interop" / "startup")


def of_run(
    connection: Connection, run_id: str, experiment: str, *, type: str, token: str, expires: float
) -> dict[str, str]:
    """What tells a process which run it is, ours and the SDK's names.

    Args:
        connection: the workspace.
        run_id: the run.
        experiment: its experiment.
        type: of the run.
        token: of the run ("" where there is none).
        expires: when the token does, in seconds since the epoch.
    """
    about = connection.about
    found = {
        **context.environment(connection, run_id, experiment),
        "JUPYTER_AML_RUN_TYPE": type,
        "AZUREML_ARM_SUBSCRIPTION": str(about.get("subscription_id", "") or "00000000-0000-0000-0000-000000000000"),
        "AZUREML_ARM_RESOURCEGROUP": str(about.get("resource_group", "") or "local"),
        "AZUREML_WORKSPACE_ID": str(about.get("id", "")),
        "AZUREML_FRAMEWORK": "Python",
        "PYTHONUNBUFFERED": "1",
        "MLFLOW_TRACKING_URI": "aml:",  # the workspace that the process finds in its variables, wherever that is
        "MLFLOW_RUN_ID": run_id,
        "MLFLOW_EXPERIMENT_NAME": experiment,
    }
    if token:
        found |= {RUN_TOKEN: token, "AZUREML_RUN_TOKEN_EXPIRY": str(int(expires))}
    return found
