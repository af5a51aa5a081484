from conftest_jobs import endless, make, start  # noqa: F401
