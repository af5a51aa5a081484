"""The azureml alias and the compat pack, each time in a fresh process."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.timeout(120)


def python(code, **variables):
    """Execute code after the alias came on; what it printed."""
    code = "from jupyter_aml import interop\ninterop.alias()\n" + textwrap.dedent(code)
    env = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env=env, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_sdks_names_are_our_objects():
    out = python("""
        import azureml.core, jupyter_aml
        from azureml.core import Workspace, Experiment, Run
        from azureml.core.run import Run as Same
        from azureml.core.workspace import Workspace as Where
        from azureml.widgets import RunDetails
        from azureml.exceptions import UserErrorException, WebserviceException
        assert Workspace is jupyter_aml.Workspace is Where
        assert (Experiment, Run, Same, RunDetails) == (jupyter_aml.Experiment, jupyter_aml.Run, Same, jupyter_aml.RunDetails)
        assert UserErrorException is jupyter_aml.UserErrorException
        assert issubclass(WebserviceException, jupyter_aml.AzureMLException)
        print(azureml.core.VERSION)
    """)
    assert out == "1.61.0"


def test_scripts_that_ask_for_an_offline_run_find_it():
    assert (
        python("""
        from azureml.core.run import Run, _OfflineRun
        print(isinstance(Run.get_context(), _OfflineRun), "_OfflineRun" in __import__("azureml.core.run").core.run.__all__)
    """)
        == "True False"
    )


def test_a_name_that_is_not_there_yet_says_so_and_a_wrong_one_what_is_meant():
    out = python("""
        import warnings
        warnings.simplefilter("error")
        for line in ("from azureml.core.webservice import AciWebservice", "from azureml.core import Expriment",
                     "from azureml.core import RunDetails", "import azureml.nothing"):
            try:
                exec(line)
            except (ImportError, UserWarning) as error:
                print(error)
        warnings.simplefilter("ignore")
        from azureml.core.webservice import AciWebservice
        for use in (lambda: AciWebservice(None, "x"), lambda: AciWebservice.deploy_configuration(cpu_cores=1)):
            try:
                use()
            except Exception as error:
                print(error)
    """)
    missing, misspelt, elsewhere, nothing, *used = out.splitlines()
    assert "AciWebservice" in missing and "using it will fail" in missing
    assert len(used) == 2 and all("AciWebservice is not served by jupyter_aml" in one for one in used)
    assert "Did you mean 'Experiment'" in misspelt
    assert "azureml.widgets" in elsewhere
    assert "azureml.nothing" in nothing


@pytest.fixture
def theirs(tmp_path):
    """A folder in which Microsoft's SDK is installed, so to speak."""
    package = tmp_path / "theirs" / "azureml" / "core"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("VERSION = 'theirs'\nfrom azureml.core.only import only")
    (package / "only.py").write_text("only = 'theirs'")
    return str(package.parents[1])


def test_an_installed_sdk_is_not_touched_until_the_alias_comes_on(theirs):
    code = """
        from jupyter_aml import Experiment, Run, RunDetails, Workspace, interop
        import azureml.core
        from azureml.core.only import only
        print(azureml.core.VERSION, only)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": theirs},
    )
    assert (done.stdout, done.returncode) == ("theirs theirs\n", 0), done.stderr


def test_off_again_the_names_are_gone_and_an_installed_sdk_is_back(theirs):
    code = """
        from jupyter_aml.interop import azureml as alias
        import azureml.core
        from azureml.core import Run
        assert azureml.core.VERSION == "1.61.0"
        alias.disable()
        import azureml.core, azureml.core.only
        theirs = azureml.core
        print(azureml.core.VERSION)
        alias.enable()
        import azureml.core
        print(azureml.core.VERSION, azureml.core.Run is Run)
        try:
            import azureml.core.only
        except ImportError as error:
            print(error)
        alias.disable()
        import azureml.core
        print(azureml.core is theirs, azureml.core.only)
    """
    assert python(code, PYTHONPATH=theirs).splitlines() == [
        "theirs",
        "1.61.0 True",
        "No module named 'azureml.core.only'",
        "True theirs",
    ]


def test_an_installed_sdk_imported_first_is_put_aside(theirs):
    code = "import azureml.core\nfrom jupyter_aml import interop\ninterop.alias()\nimport azureml.core\nprint(azureml.core.VERSION)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": theirs}
    )
    assert (done.stdout, done.returncode) == ("1.61.0\n", 0), done.stderr


def test_objects_of_the_alias_can_be_pickled_and_named():
    out = python("""
        import pickle
        from azureml.core import Run
        from azureml.exceptions import UserErrorException
        print(Run.__module__, pickle.loads(pickle.dumps(Run)) is Run)
        try:
            raise pickle.loads(pickle.dumps(UserErrorException("no")))
        except UserErrorException as error:
            print("caught", error.message)
    """)
    assert out.splitlines() == ["jupyter_aml.tracking.run True", "caught no"]


def test_a_star_import_and_dir_give_what_is_served():
    out = python("""
        from azureml.core import *
        import azureml.core, azureml
        print(Workspace.__name__, "Run" in dir(azureml.core), "core" in dir(azureml), "LinkedService" in dir(azureml.core))
        print(hasattr(azureml.core, "LinkedService"), getattr(azureml.core, "Nothing", "none"))
    """)
    assert out.splitlines() == ["Workspace True True False", "False none"]


def test_a_kernel_gets_the_alias_with_the_extension_and_loses_it_with_it(kernel):
    ask = "try:\n    import azureml.core\n    print(azureml.core.VERSION)\nexcept ImportError as error:\n    print('gone')"
    _, text = kernel(f"{ask}\nimport jupyter_aml\nfrom azureml.core import Run\nprint(Run is jupyter_aml.Run)")
    assert text == "1.61.0\nTrue\n"
    _, text = kernel("%unload_ext jupyter_aml\n" + ask)
    assert text == "gone\n"
    _, text = kernel("%load_ext jupyter_aml\n" + ask + "\nfrom azureml.core import Run as Again\nprint(Again is Run)")
    assert text == "1.61.0\nTrue\n"


def test_the_environment_can_refuse_the_alias():
    out = python(
        """
        import numpy
        try:
            import azureml.core
        except ImportError:
            print("none", hasattr(numpy, "float"))
        """,
        JUPYTER_AML_ALIAS="0",
    )
    assert out == "none False"


def test_what_numpy_had_in_2020_is_there():
    out = python("""
        import numpy as np
        assert np.float is float and np.int is int and np.bool is not None and np.object is object and np.str is str
        assert np.array([1, 0], dtype=np.float).dtype == float
        assert np.Inf == np.inf and np.NINF == -np.inf and np.isnan(np.NaN)
        assert np.float_ is np.float64 and np.product([2, 3]) == 6 and np.in1d([1], [1]).all()
        print("ok")
    """)
    assert out == "ok"


def test_what_scikit_learn_moved_is_found_where_it_was():
    out = python("""
        from sklearn.externals import joblib
        from sklearn.externals.joblib import dump
        import sklearn.datasets, joblib as today
        from sklearn.linear_model.ridge import Ridge
        from sklearn.ensemble.forest import RandomForestClassifier
        from sklearn.metrics.scorer import make_scorer
        from sklearn.linear_model import Ridge as Now
        assert joblib.dump is today.dump is dump and Ridge is Now
        print(sklearn.datasets.load_iris().data.shape)
    """)
    assert out == "(150, 4)"


def test_a_logistic_regression_of_2020_still_fits():
    out = python("""
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        X, y = load_iris(return_X_y=True)
        for model in (LogisticRegression(multi_class="auto", max_iter=500), LogisticRegression(C=2, solver="liblinear")):
            print(model.fit(X, y).score(X, y) > 0.9)
    """)
    assert out.split() == ["True", "True"]


def test_pandas_takes_the_old_word_for_no_limit():
    out = python("""
        import pandas as pd
        pd.set_option("display.max_colwidth", -1)
        print("x" * 200 in repr(pd.DataFrame({"a": ["x" * 200]})))
    """)
    assert out == "True"


def test_mlflow_azureml_is_importable_where_mlflow_is(tmp_path):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("")
    code = """
        import mlflow.azureml
        try:
            mlflow.azureml.deploy()
        except Exception as error:
            print(type(error).__name__)
    """
    assert python(code, PYTHONPATH=str(tmp_path)) == "AzureMLException"


def test_switched_off_the_pack_leaves_libraries_as_they_are():
    out = python("""
        from jupyter_aml.interop import compat
        import numpy as np
        assert np.float is float
        compat.disable()
        print(hasattr(np, "float"), "sklearn.externals.joblib" in __import__("sys").modules)
    """)
    assert out == "False False"
