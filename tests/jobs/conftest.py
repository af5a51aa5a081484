from conftest_jobs import endless, make, start  # noqa: F401
from conftest_submit import bench  # noqa: F401
