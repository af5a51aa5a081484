"""The compat pack, thing by thing: what it gives, and that nothing of it stays."""

import subprocess
import sys
import textwrap

import pytest

from jupyter_aml.interop import compat

pytestmark = pytest.mark.timeout(120)


def python(code, cwd=None):
    """Execute code in a fresh process; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_name_that_numpy_had_is_there_also_where_numpy_was_first():
    names = [*compat._NUMPY_BUILTINS, *compat._NUMPY_RENAMED, "NINF"]
    check = f"print([n for n in {names} if not hasattr(numpy, n)])"
    assert python(f"from jupyter_aml import interop; interop.alias(); import numpy; {check}") == "[]"
    assert python(f"import numpy; from jupyter_aml import interop; interop.alias(); {check}") == "[]"


def test_every_module_that_scikit_learn_moved_is_found():
    code = f"""
        from importlib import import_module
        from jupyter_aml import interop
        interop.alias()
        for old, new in {compat._MOVED!r}.items():
            assert import_module(old) is import_module(new), old
            above, _, name = old.rpartition(".")
            there = getattr(import_module(above), name)
            assert there is import_module(new) or not inspect.ismodule(there), old
        print("all")
    """
    assert python("import inspect\n" + textwrap.dedent(code)) == "all"


def test_a_model_pickled_in_2019_is_loaded_and_predicts(tmp_path):
    code = """
        import joblib, numpy, sys, warnings
        from sklearn.linear_model import Ridge
        model = Ridge().fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
        del model.n_features_in_, model.solver_
        state = model.__dict__
        for new in ("positive", "solver_"):
            state.pop(new, None)
        state["normalize"] = False
        Ridge.__getstate__ = lambda self: {**state, "_sklearn_version": "0.20.3"}
        joblib.dump(model, "new.pkl", protocol=2)
        # What joblib 0.11 inside scikit-learn 0.20 called things.
        old = open("new.pkl", "rb").read().replace(b"csklearn.linear_model._ridge\\n", b"csklearn.linear_model.ridge\\n")
        old = old.replace(b"cjoblib.numpy_pickle\\n", b"csklearn.externals.joblib.numpy_pickle\\n")
        assert b"sklearn.externals" in old and b"_ridge" not in old
        open("old.pkl", "wb").write(old)
    """
    python(code, tmp_path)
    load = """
        from jupyter_aml import interop
        interop.alias()
        from sklearn.externals import joblib
        print(joblib.load("old.pkl").predict([[3.0]]).round(1))
    """
    assert python(load, tmp_path) == "[4.7]"


def test_one_against_the_rest_is_what_it_was():
    code = """
        import numpy as np
        from sklearn.base import clone
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        X, y = load_iris(return_X_y=True)
        one = [LogisticRegression(solver="liblinear").fit(X, y == k) for k in range(3)]
        from jupyter_aml import interop
        interop.alias()
        names = np.array(["setosa", "versicolor", "virginica"])
        model = LogisticRegression(solver="liblinear").fit(X, names[y])
        assert np.allclose(model.coef_, np.vstack([m.coef_ for m in one]))
        shares = np.column_stack([m.predict_proba(X)[:, 1] for m in one])
        assert np.allclose(model.predict_proba(X), shares / shares.sum(axis=1, keepdims=True))
        assert (model.predict(X) == names[shares.argmax(axis=1)]).all()
        assert clone(LogisticRegression(multi_class="ovr")).get_params()["multi_class"] == "ovr"
        found = GridSearchCV(LogisticRegression(max_iter=500), {"multi_class": ["ovr", "multinomial"]}, cv=2).fit(X, y)
        assert found.best_score_ > 0.9
        try:
            LogisticRegression(multi_class="many").fit(X, y)
        except ValueError as error:
            print(error)
        interop.unload(None)
        try:
            LogisticRegression(multi_class="ovr")
        except TypeError:
            print("as before")
    """
    assert python(code).splitlines() == [
        "multi_class should be 'multinomial', 'auto' or 'ovr', got 'many'",
        "as before",
    ]


def test_a_classifier_pickled_years_ago_gives_the_shares_that_it_gave(tmp_path):
    code = """
        import joblib
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        import numpy as np
        X, y = load_iris(return_X_y=True)
        model = LogisticRegression(max_iter=1000).fit(X, y)
        del model.n_features_in_
        vars(model).update(solver="liblinear", multi_class="warn")
        joblib.dump(model, "old.pkl")
    """
    python(code, tmp_path)
    code = """
        from jupyter_aml import interop
        interop.alias()
        from sklearn.datasets import load_iris
        from sklearn.externals import joblib
        import numpy as np
        X = load_iris().data
        model = joblib.load("old.pkl")
        alone = 1 / (1 + np.exp(-model.decision_function(X)))
        print(np.allclose(model.predict_proba(X), alone / alone.sum(axis=1, keepdims=True)))
    """
    assert python(code, tmp_path) == "True"


def test_cross_validated_it_says_that_it_is_multinomial_and_is():
    code = """
        import warnings
        import numpy as np
        from jupyter_aml import interop
        interop.alias()
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegressionCV
        X, y = load_iris(return_X_y=True)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            model = LogisticRegressionCV(Cs=2, cv=2, max_iter=300, multi_class="ovr")
        print([str(w.message) for w in seen if "multi_class" in str(w.message)])
        model.fit(X, y)
        scores = np.exp(model.decision_function(X))
        print(np.allclose(model.predict_proba(X), scores / scores.sum(axis=1, keepdims=True)))
    """
    said, multinomial = python(code).splitlines()
    assert "fits the multinomial model instead" in said
    assert multinomial == "True"


def test_nothing_stays_behind():
    code = """
        import inspect, sys
        import numpy, pandas, sklearn.externals, sklearn.linear_model._logistic as logistic
        from jupyter_aml import interop
        def state():
            return (set(vars(numpy)), sorted(vars(sklearn.externals)),
                    inspect.signature(logistic.LogisticRegression), sorted(vars(logistic.LogisticRegression)),
                    pandas._config.config._registered_options["display.max_colwidth"], list(sys.meta_path))
        before = state()
        for _ in range(2):
            interop.alias()
            import sklearn.externals.joblib
            pandas.set_option("display.max_colwidth", -1)
            assert pandas.get_option("display.max_colwidth") is None
            assert state() != before
            interop.unload(None)
            assert "sklearn.externals.joblib" not in sys.modules
            pandas.reset_option("display.max_colwidth")
            assert state() == before, (state(), before)
        try:
            pandas.set_option("display.max_colwidth", -1)
        except ValueError:
            print("clean")
    """
    assert python(code) == "clean"


def test_nothing_is_imported_for_the_packs_sake():
    code = """
        import sys
        from jupyter_aml import interop
        interop.alias()
        print([m for m in ("numpy", "pandas", "sklearn", "mlflow", "joblib", "json", "importlib.abc") if m in sys.modules])
    """
    plain = python("import sys; print([m for m in ('json', 'importlib.abc') if m in sys.modules])")
    assert python(code) == plain


def test_a_library_that_still_has_a_thing_keeps_its_own(tmp_path):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("")
    (tmp_path / "mlflow" / "azureml.py").write_text("deploy = 'theirs'")
    (tmp_path / "numpy.py").write_text("inf = 1\nfloat = 'theirs'")
    code = """
        import sys
        sys.path.insert(0, "")
        from jupyter_aml import interop
        interop.alias()
        import numpy, mlflow.azureml
        print(numpy.float, mlflow.azureml.deploy, numpy.int)
    """
    assert python(code, tmp_path) == "theirs theirs <class 'int'>"


def test_a_library_that_cannot_be_mended_is_imported_all_the_same(tmp_path):
    (tmp_path / "pandas").mkdir()
    (tmp_path / "pandas" / "__init__.py").write_text("version = 99")
    code = """
        import sys
        sys.path.insert(0, "")
        from jupyter_aml import interop
        interop.alias()
        import pandas
        print(pandas.version)
    """
    assert python(code, tmp_path) == "99"


def test_in_a_kernel_old_cells_run(kernel):
    reply, text = kernel(
        "import numpy as np, pandas as pd\nfrom sklearn.externals import joblib\n"
        "from sklearn.linear_model import LogisticRegression\nfrom sklearn.linear_model.ridge import Ridge\n"
        "pd.set_option('display.max_colwidth', -1)\n"
        "x = np.array([[0, 0], [1, 1], [2, 2], [3, 3]]).astype(np.float)\n"
        "model = LogisticRegression(multi_class='ovr').fit(x, np.array([0, 0, 1, 2], dtype=np.int))\n"
        "joblib.dump(model, 'model.pkl')\nprint(joblib.load('model.pkl').predict([[3, 3]]), np.bool(1))"
    )
    assert reply["status"] == "ok", reply
    assert text == "[2] True\n"


def test_a_part_of_urllib_is_there_when_urllib_alone_is_imported():
    code = "from jupyter_aml import interop\ninterop.alias()\nimport urllib\nprint(urllib.request.urlretrieve.__name__)"
    assert python(code) == "urlretrieve"


def test_what_pandas_and_scikit_learn_took_away_is_back_and_goes_again(tmp_path):
    code = """
        from jupyter_aml import interop
        interop.alias()
        import pandas as pd
        from sklearn.base import clone
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.metrics import mean_squared_error
        from sklearn.preprocessing import OneHotEncoder
        df = pd.DataFrame({"a": [1.0, None], "b": ["x", "y"]}, index=[7, 8])
        assert df.append({"a": 3.0, "b": "z"}, ignore_index=True)["a"].tolist()[::2] == [1.0, 3.0]
        assert df.append([df, df]).shape == (6, 2) and df["b"].append(df["b"], ignore_index=True).tolist() == list("xyxy")
        assert [name for name, _ in df.iteritems()] == ["a", "b"] and df.applymap(str).shape == (2, 2)
        assert df.drop("a", 1).columns.tolist() == ["b"] and df.fillna(method="ffill")["a"].tolist() == [1.0, 1.0]
        assert df.fillna(0)["a"].tolist() == [1.0, 0.0] and pd.concat([df, df], 1).shape == (2, 4)
        open("spaces.txt", "w").write("p  q\\n1    2\\n")
        assert pd.read_csv("spaces.txt", delim_whitespace=True).shape == (1, 2) and pd.datetime.now().year > 2000
        encoder = OneHotEncoder(sparse=False)
        assert encoder.fit_transform(df[["b"]]).tolist() == [[1.0, 0.0], [0.0, 1.0]] and not clone(encoder).sparse_output
        assert encoder.get_feature_names() == ["b_x", "b_y"] and CountVectorizer().fit(["ab cd"]).get_feature_names()
        assert mean_squared_error([0, 0], [3, 3], squared=False) == 3 and mean_squared_error([0], [3]) == 9
        interop.compat.disable()
        import sklearn.metrics
        lost = [hasattr(df, "append"), hasattr(df, "iteritems"), hasattr(encoder, "get_feature_names")]
        try:
            sklearn.metrics.mean_squared_error([0], [3], squared=False)
        except TypeError:
            print(lost)
    """
    assert python(code, cwd=tmp_path) == "[False, False, False]"
