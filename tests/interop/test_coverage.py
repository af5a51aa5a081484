"""The page that says what is served cannot lie."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_coverage_page_is_what_is_really_there():
    done = subprocess.run(
        [sys.executable, "tools/sdk_coverage.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
