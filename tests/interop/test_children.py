"""Processes that a kernel with the alias starts have it too; others have not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_aml.interop import children, compat

pytestmark = pytest.mark.timeout(120)

SAYS = "import numpy, azureml.core; from sklearn.externals import joblib; print(azureml.core.VERSION, numpy.float, joblib.dump)"


@pytest.fixture
def says(tmp_path):
    """A script that needs alias and pack."""
    path = tmp_path / "train.py"
    path.write_text(SAYS + "\n")
    return path


def test_scripts_pools_and_grandchildren_of_a_kernel_have_alias_and_pack(kernel, says, tmp_path):
    for start in (
        "!{sys.executable} train.py",
        "subprocess.run([sys.executable, 'train.py'])",
        "%%bash\n$PYTHON train.py",
        "%run train.py",
        "subprocess.run([sys.executable, '-c', 'import subprocess, sys; subprocess.run([sys.executable, \"train.py\"])'])",
    ):
        cell = (
            start
            if start.startswith("%")
            else f"import os, sys, subprocess\nos.environ['PYTHON'] = sys.executable\n{start}"
        )
        cell = cell.replace("subprocess.run(", "print(subprocess.check_output(", 1) if start.startswith("sub") else cell
        cell = cell + ".decode())" if start.startswith("sub") else cell
        _, text = kernel(cell)
        assert "1.61.0 <class 'float'> <function dump" in text, (start, text)
    (tmp_path / "work.py").write_text(
        "def work(n):\n    import numpy, azureml.core\n    return numpy.float(n), azureml.core.VERSION\n"
    )
    reply, text = kernel(
        "import multiprocessing, work\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "for way in ('spawn', 'forkserver'):\n"
        "    with ProcessPoolExecutor(1, multiprocessing.get_context(way)) as pool:\n"
        "        print(way, *pool.map(work.work, [1]))\n"
        "from joblib import Parallel, delayed\n"
        "print('loky', *Parallel(2)([delayed(work.work)(1), delayed(work.work)(1)]))"
    )
    assert reply["status"] == "ok", reply
    assert text.count("(1.0, '1.61.0')") == 4


def test_after_the_extension_is_unloaded_children_are_as_others(kernel, says):
    reply, text = kernel(
        "import os, sys\nprint('jupyter_aml' in os.environ['PYTHONPATH'])\n%unload_ext jupyter_aml\n"
        "!{sys.executable} train.py\nprint('jupyter_aml' in os.environ.get('PYTHONPATH', ''))\n"
        "try:\n    import azureml.core\nexcept ImportError as error:\n    print('none here')\n"
        "import numpy; print(hasattr(numpy, 'float'))"
    )
    assert reply["status"] == "ok", reply
    assert text.startswith("True\n")
    assert "ModuleNotFoundError: No module named 'azureml" in text
    assert text.endswith("False\nnone here\nFalse\n")


def started(code, **variables):
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**env, **variables}
    )
    assert done.returncode == 0, done.stderr
    assert "sitecustomize" not in done.stderr
    return done.stdout.split()


def test_a_child_that_imports_nothing_old_pays_nothing_and_sees_its_own_path():
    code = "import sys; print([m for m in sys.modules if m.startswith('jupyter_aml')], sys.path)"
    assert started(code, PYTHONPATH=children.FOLDER) == started(code.replace("'jupyter_aml'", "'no'"))


def test_another_sitecustomize_is_run_as_well(tmp_path):
    code = "import sys, sitecustomize, azureml.core; print(sys.theirs, sitecustomize.__file__, azureml.core.VERSION)"
    path = os.pathsep.join([children.FOLDER, str(tmp_path)])
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.theirs = True")
    assert started(code, PYTHONPATH=path) == ["True", str(tmp_path / "sitecustomize.py"), "1.61.0"]


def test_a_python_without_jupyter_aml_is_not_disturbed(tmp_path):
    code = "import sys\ntry:\n    import azureml.core\nexcept ImportError as error:\n    print(error.name)\nimport json; print(len(sys.meta_path))"
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    bare = [sys._base_executable, "-S", "-c"]
    site = "import site; site.ENABLE_USER_SITE = False; site.execsitecustomize()\n"
    there = subprocess.run(
        [*bare, site + code], capture_output=True, text=True, env={**env, "PYTHONPATH": children.FOLDER}, cwd=tmp_path
    )
    plain = subprocess.run([*bare, code], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert there.stderr == plain.stderr == ""
    assert there.stdout == plain.stdout == "azureml\n3\n"


def test_the_environment_can_refuse_it_in_a_child_too():
    code = "import numpy; print(hasattr(numpy, 'float'))"
    assert started(code, PYTHONPATH=children.FOLDER) == ["True"]
    assert started(code, PYTHONPATH=children.FOLDER, JUPYTER_AML_ALIAS="0") == ["False"]


def test_all_that_the_pack_mends_brings_it():
    text = (Path(children.FOLDER) / "sitecustomize.py").read_text()
    named = re.search(r"CONCERNED = (\{.*?\})", text)
    assert named
    assert eval(named[1]) == {"azureml", *compat._hooks._roots}


@pytest.mark.parametrize("before", [None, "", "/a", os.pathsep.join(["/a", "", "/b"])])
def test_the_variable_is_as_it_was_afterwards(monkeypatch, before):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before is not None:
        monkeypatch.setenv("PYTHONPATH", before)
    children.enable()
    children.enable()
    entries = os.environ["PYTHONPATH"].split(os.pathsep)
    assert entries == [children.FOLDER, *(before.split(os.pathsep) if before else [])]
    children.disable()
    assert os.environ.get("PYTHONPATH") == (before or None)
