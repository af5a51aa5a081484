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


def test_a_name_that_is_not_there_yet_says_so_and_a_wrong_one_what_is_meant():
    out = python("""
        for line in ("from azureml.core import ScriptRunConfig", "from azureml.core import Expriment",
                     "from azureml.core import RunDetails", "import azureml.nothing"):
            try:
                exec(line)
            except ImportError as error:
                print(error)
    """)
    missing, misspelt, elsewhere, nothing = out.splitlines()
    assert "ScriptRunConfig" in missing and "not served by jupyter_aml" in missing
    assert "Did you mean 'Experiment'" in misspelt
    assert "azureml.widgets" in elsewhere
    assert "azureml.nothing" in nothing


def test_off_again_the_names_are_gone_and_an_installed_sdk_is_back(tmp_path):
    package = tmp_path / "azureml" / "core"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("VERSION = 'theirs'")
    code = """
        import sys
        from jupyter_aml.interop import azureml as alias
        import azureml.core
        assert azureml.core.VERSION == "1.61.0"
        alias.disable()
        del sys.modules["jupyter_aml"]
        import azureml.core
        print(azureml.core.VERSION)
        alias.enable()
        import azureml.core
        print(azureml.core.VERSION)
    """
    assert python(code, PYTHONPATH=str(tmp_path)).splitlines() == ["theirs", "1.61.0"]


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
