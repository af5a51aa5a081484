"""A specification of conda and pip as requirements that one resolver understands, and whether an interpreter has them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from jupyter_aml.environments.conda import DEFAULT_PYTHON, CondaDependencies, package_name

PIP_NAMES: dict[str, str | None] = {
    "pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch", "torchvision-cpu": "torchvision",
    "opencv": "opencv-python", "py-opencv": "opencv-python", "py-xgboost": "xgboost", "py-xgboost-cpu": "xgboost",
    "tensorflow-gpu": "tensorflow", "tensorflow-base": "tensorflow", "keras-gpu": "keras",
    "matplotlib-base": "matplotlib", "pytables": "tables", "msgpack-python": "msgpack", "pandas-base": "pandas",
    "numpy-base": "numpy", "scipy-base": "scipy", "seaborn-base": "seaborn", "python-graphviz": "graphviz",
    "fbprophet": "prophet", "dask-core": "dask", "pyqt": "pyqt5", "snappy": "python-snappy", "lightgbm-cpu": "lightgbm",
    "pyarrow-core": "pyarrow", "spacy-model-en-core-web-sm": "en-core-web-sm", "python-blosc": "blosc",
    "dataclasses": None, "pathlib2": None, "futures": None,  # parts of Python since
    **dict.fromkeys(
        (
            "python", "pip", "mkl", "nomkl", "blas", "openblas", "libgcc", "libgcc-ng", "gcc", "gxx", "openssl", "cudatoolkit",
            "cudnn", "openmpi", "mpich", "nccl", "git", "tk", "zlib", "libpng", "jpeg", "nb-conda", "nb-conda-kernels", "conda",
            "ca-certificates", "ffmpeg", "make", "nodejs", "r-base", "wheel", "setuptools", "cpuonly", "pytorch-cuda",
        ),
        None,
    ),
}  # fmt: skip
"""conda's names → pip's; None: nothing that pip installs."""
OURS = re.compile(r"(azureml|azure-ml|inference-schema-ml)(-|\Z)")
"""The SDK's packages, for which jupyter_aml stands."""
_INSTALLED = re.compile(r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info\Z")
_CONDA = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9][\w.-]*?)\s*(?:\[.*\])?\s*([=<>!~].*|\s+[\d*].*)?\Z")


@dataclass(kw_only=True)
class Requirements:
    """What is to be installed."""

    packages: list[Requirement] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    """For pip: indexes …"""
    python: str | None = None
    """A Python that was asked for by somebody's choice."""
    left_out: list[str] = field(default_factory=list)
    """What is no Python package, or unreadable: said, and left out."""
    sdk: list[str] = field(default_factory=list)
    """The SDK's packages, which jupyter_aml stands for."""

    def lines(self) -> list[str]:
        """The requirements as text, sorted."""
        return sorted(str(one) for one in self.packages)


def requirements_of(conda: CondaDependencies) -> Requirements:
    """What a specification asks for."""
    found = Requirements(options=[*conda.pip_options])
    python = conda.get_python_version()
    found.python = None if python == DEFAULT_PYTHON else python
    by_name: dict[str, Requirement] = {}
    for text in [*map(_from_conda, conda.conda_packages), *conda.pip_packages]:
        if text is None:
            continue
        try:
            one = Requirement(text.strip())
        except InvalidRequirement:
            if re.match(r"[\w+.-]+://|git\+|\.{0,2}/|.*\.whl\Z", text.strip()):
                found.options.append(text.strip())  # a place instead of a name: pip's own form
            else:
                found.left_out.append(text)
            continue
        name = package_name(one.name)
        if OURS.match(name):
            found.sdk.append(text)
        elif name not in ("pip", "jupyter-aml"):
            by_name[name] = one  # pip's come last: they say more than conda's
    found.packages = list(by_name.values())
    found.left_out += [
        one for one in conda.conda_packages if _from_conda(one) is None and package_name(one) not in ("python", "pip")
    ]
    return found


def _from_conda(text: str) -> str | None:
    """A conda requirement in pip's words; None for what pip does not install."""
    found = _CONDA.match(text.strip())
    if found is None:
        return None
    name = package_name(found[1])
    if name in PIP_NAMES:
        renamed = PIP_NAMES[name]
        if renamed is None:
            return None
        name = renamed
    else:
        name = found[1]
    return name + ",".join(_bound(part) for part in (found[2] or "").strip().split(",") if part.strip())


def _bound(part: str) -> str:
    """``=1.2=py38`` and ``1.2`` of conda are ``==1.2.*``."""
    part = part.strip().replace(" ", "")
    if part.startswith("=="):
        return "==" + part[2:].split("=")[0]
    if part.startswith((">", "<", "!", "~")):
        return part
    version = part.lstrip("=").split("=")[0].rstrip("*").rstrip(".")
    return f"=={version}.*" if version else ""


def installed() -> dict[str, Version]:
    """What this interpreter has: name → version. Read off the names of folders: reading each package's own file takes 100 times as long."""
    found: dict[str, Version] = {}
    for place in sys.path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208 - names are all that is wanted
        except OSError:
            continue
        for name in names:
            told = _INSTALLED.match(name)
            if told is not None:
                try:
                    found.setdefault(package_name(told[1]), Version(told[2]))
                except InvalidVersion:
                    continue
    return found


def unmet(wanted: Iterable[Requirement], have: dict[str, Version]) -> list[Requirement]:
    """Those requirements that these packages do not meet (their own requirements are theirs)."""
    missing = []
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate():
            continue
        version = have.get(package_name(one.name))
        if one.url is not None or version is None or not one.specifier.contains(version, prereleases=True):
            missing.append(one)
    return missing


def relaxed(one: Requirement) -> Requirement:
    """The requirement without its versions."""
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    return Requirement(one.name + extras)
