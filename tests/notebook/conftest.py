from conftest_notebook import kernel  # noqa: F401
