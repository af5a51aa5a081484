"""See conftest_compute.py."""

from conftest_compute import bench  # noqa: F401
