"""Environments: what they say, how they are kept, and what a run gets of them."""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from packaging.requirements import Requirement

from jupyter_aml import Workspace
from jupyter_aml.environments import cache, patience, uv
from jupyter_aml.environments.conda import CondaDependencies
from jupyter_aml.environments.environment import Environment
from jupyter_aml.environments.requirements import installed, requirements_of
from jupyter_aml.errors import EnvironmentException, NotFoundException, UserErrorException
from jupyter_aml.jobs.prepare import describe, prepare


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Workspace.create("ws")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_CACHE", str(tmp_path / "cache"))


def described(pip=(), conda=(), **more):
    made = Environment("e")
    made.python.conda_dependencies = CondaDependencies.create(
        pip_packages=list(pip), conda_packages=list(conda), **more
    )
    return made


# -- what they say -----------------------------------------------------------------------------------------------
def test_a_fresh_one_has_the_sdk_s_defaults():
    fresh = Environment("x")
    assert fresh.version is None and fresh.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert list(fresh.python.conda_dependencies.pip_packages) == ["azureml-defaults"]
    assert list(fresh.python.conda_dependencies.conda_channels) == ["anaconda", "conda-forge"]
    assert (fresh.docker.enabled, fresh.docker.shared_volumes, fresh.docker.shm_size) == (False, True, "2g")
    assert isinstance(fresh.docker.base_image, str)
    fresh.python.conda_dependencies.add_pip_package("pillow")
    fresh.docker.enabled = True
    assert list(CondaDependencies.create(pip_packages=["numpy"]).pip_packages) == ["numpy"]
    with pytest.raises(UserErrorException, match=r"no 'enbled'; there are .*enabled"):
        fresh.docker.enbled = True


def test_a_package_is_there_once():
    conda = CondaDependencies.create(conda_packages=["numpy=1.1", "pip"], pip_packages=["a-b==1", "c"])
    conda.add_pip_package("A_b==2")
    conda.add_conda_package("numpy")
    conda.remove_pip_package("c")
    conda.set_pip_option("--pre")
    assert list(conda.pip_packages) == ["A_b==2"] and list(conda.conda_packages)[1:] == ["pip", "numpy"]
    assert list(conda.pip_options) == ["--pre"] and conda.get_python_version() == "3.8.13"


def test_files_of_conda_and_pip_are_read(tmp_path):
    (tmp_path / "c.yml").write_text("dependencies:\n- python=3.9\n- scikit-learn\n- pip:\n  - azureml-defaults\n")
    found = Environment.from_conda_specification("c", tmp_path / "c.yml")
    assert list(found.python.conda_dependencies.conda_packages) == ["python=3.9", "scikit-learn"]
    (tmp_path / "r.txt").write_text("# all\nnumpy>=1  # numbers\n\n--pre\npandas\n")
    found = Environment.from_pip_requirements("r", str(tmp_path / "r.txt"))
    assert list(found.python.conda_dependencies.pip_packages) == ["numpy>=1", "pandas"]
    (tmp_path / "bad.yml").write_text("- just\n- a list\n")
    for bad in ("bad.yml", "nothing.yml"):
        with pytest.raises(UserErrorException, match=bad):
            Environment.from_conda_specification("b", tmp_path / bad)


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("numpy", "numpy"), ("numpy=1.22", "numpy==1.22.*"), ("numpy==1.22.0", "numpy==1.22.0"), ("numpy 1.22.*", "numpy==1.22.*"),
        ("numpy=1.22=py38_0", "numpy==1.22.*"), ("numpy==1.22.0=py38_0", "numpy==1.22.0"), ("numpy>=1.2,<2", "numpy<2,>=1.2"),
        ("conda-forge::pytorch", "torch"), ("mkl", None), ("opencv=4", "opencv-python==4.*"), ("pip", None),
    ],
)  # fmt: skip
def test_conda_s_words_are_put_into_pip_s(conda, pip):
    assert requirements_of(CondaDependencies.create(conda_packages=[conda])).lines() == ([] if pip is None else [pip])


def test_the_sdk_s_packages_mean_us():
    found = requirements_of(
        CondaDependencies.create(pip_packages=["azureml-defaults", "azureml-sdk[automl]==1.2", "numpy"])
    )
    assert found.lines() == ["numpy"] and len(found.sdk) == 2


# -- how they are kept -------------------------------------------------------------------------------------------
def test_the_same_definition_stays_the_version_it_is(ws):
    mine = described(pip=["numpy"])
    assert mine.register(ws).version == "1" and mine.version == "1"
    assert described(pip=["numpy"]).register(ws).version == "1"
    assert described(pip=["pandas"]).register(ws).version == "2"
    assert Environment.get(ws, "e", version="1").python.conda_dependencies == mine.python.conda_dependencies
    assert Environment.get(ws, "e").version == "2" == ws.environments["e"].version
    Environment.label(ws, "e", "1", ["good"])
    assert (
        Environment.get(ws, "e", label="good").version == "1"
        and Environment.get(ws, "e", label="Latest").version == "2"
    )
    clone = Environment.get(ws, "e").clone("other")
    assert clone.version is None and clone.register(ws).version == "1"
    with pytest.raises(NotFoundException, match="no version 7"):
        Environment.get(ws, "e", version="7")
    with pytest.raises(NotFoundException, match="Did you mean 'other'"):
        Environment.get(ws, "othr")


def test_curated_ones_are_there(ws):
    curated = Environment.get(ws, "AzureML-Minimal")
    assert "azureml-defaults" in curated.python.conda_dependencies.serialize_to_string()
    assert [name for name in Environment.list(ws) if name.startswith("AzureML")]
    assert curated.clone("mine").register(ws).version == "1"
    with pytest.raises(UserErrorException, match="clone"):
        Environment("AzureML-Mine").register(ws)


def test_one_is_written_to_a_folder_and_read_again(tmp_path):
    mine = described(pip=["numpy"], conda=["scipy"])
    mine.environment_variables["A"] = "b"
    mine.docker.base_image = "img"
    mine.docker.base_image_registry.password = "p4ssw0rd"
    mine.save_to_directory(tmp_path / "d")
    again = Environment.load_from_directory(tmp_path / "d")
    assert again == mine
    assert "p4ssw0rd" not in repr(mine) + mine._repr_html_() + "".join(
        p.read_text() for p in (tmp_path / "d").iterdir()
    )
    with pytest.raises(UserErrorException, match="overwrite"):
        mine.save_to_directory(tmp_path / "d")


# -- what a run gets ---------------------------------------------------------------------------------------------
def test_what_is_here_is_used_at_once():
    told: list[str] = []
    found = described(pip=["azureml-defaults", "sqlalchemy>=2"], conda=["pip"]).prepare(told.append)
    assert found.python == sys.executable and found.warnings == [] and told == []
    assert found.variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert not cache.folder().exists()


def test_pins_that_no_longer_exist_are_relaxed_and_named():
    told: list[str] = []
    found = described(pip=["sqlalchemy==0.0.1", "click"], conda=["mkl"], python_version="3.6.2").prepare(told.append)
    assert found.python == sys.executable
    text = "\n".join(found.warnings)
    assert "sqlalchemy==0.0.1" in text and "Python 3.6.2" in text and "mkl" in text and "click" not in text
    assert [line for line in told if line.startswith("Warning: ")] == [f"Warning: {one}" for one in found.warnings]


def test_who_submits_decides_whether_pins_are_relaxed(monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_STRICT_ENVIRONMENTS", "1")
    asked = describe(described(pip=["sqlalchemy==0.0.1"]))
    monkeypatch.delenv("JUPYTER_AML_STRICT_ENVIRONMENTS")  # as in the process that executes it
    with pytest.raises(EnvironmentException, match=r"sqlalchemy==0\.0\.1"):
        prepare(None, asked, "", lambda line: None)


def test_who_stops_waiting_ends_the_build_and_the_wait_for_anothers_build(tmp_path, monkeypatch):
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/pid\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(uv, "program", lambda: str(program))
    over = threading.Event()

    def check():
        if over.is_set():
            raise InterruptedError

    def wait():
        with patience.until(check):
            cache.built(["click"], [], sys.executable, print)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(wait) for _ in range(2)]
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert not any(one.done() for one in waiting)
        over.set()
        assert [type(one.exception(20)) for one in waiting] == [InterruptedError] * 2
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(int((tmp_path / "pid").read_text()))
        while started.status() != psutil.STATUS_ZOMBIE:  # else this test does not end
            pass


def test_an_interpreter_that_its_user_manages_is_taken_as_it_is():
    mine = described(pip=["no-such-package"])
    mine.python.user_managed_dependencies = True
    assert mine.prepare(print).python == sys.executable
    mine.python.interpreter_path = "/no/such/python"
    with pytest.raises(EnvironmentException, match="/no/such/python"):
        mine.prepare(print)


@pytest.mark.slow
def test_an_environment_is_built_once_by_all_who_ask_at_the_same_moment(monkeypatch):
    lacking = next(name for name in ("tomli-w", "pyfiglet", "colorama", "toolz-nothing") if name not in installed())
    told: list[str] = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: described(pip=[lacking]).prepare(told.append), range(4)))
    assert len({one.python for one in found}) == 1 and found[0].python != sys.executable
    assert sum(line.startswith("Built in") for line in told) == 1
    code = f"import jupyter_aml, {lacking.replace('-', '_')}; from jupyter_aml import Run; print(Run.get_context().id)"
    said = subprocess.run([found[0].python, "-c", code], capture_output=True, text=True, cwd="/")
    assert said.stdout.startswith("OfflineRun_"), said.stderr
    monkeypatch.setenv("JUPYTER_AML_ENVIRONMENTS_LIMIT", "1")
    assert cache.evict() == [], "it is in use"
    for one in found:
        one.release()
    assert cache.evict() == [found[0].key] and not Path(found[0].python).exists()


def test_what_cannot_be_had_fails_with_the_resolver_s_words():
    details = described(pip=["no-such-package-of-that-name==1"]).build(None)
    with pytest.raises(EnvironmentException, match="no-such-package-of-that-name"):
        details.wait_for_completion(show_output=False)
    assert details.status == "Failed" and "no-such-package-of-that-name" in details.build_log
    assert not [p for p in cache.folder().iterdir() if p.is_dir() and p.name != "resolved"]


def test_what_jupyter_aml_needs_in_a_run_leaves_the_browser_s_side_out():
    ours = {Requirement(one).name for one in cache.our_requirements()}
    assert "sqlalchemy" in ours and "jupyterlab" not in ours
