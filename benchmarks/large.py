"""A large file into a workspace and out of it again: ``python benchmarks/large.py [--gb 5]`` prints the speed, and the peak memory of
the process that sends and of the server that takes it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SEND = """
import sys, time
from pathlib import Path
from jupyter_aml.store.connection import connect
def peak():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
connection = connect(sys.argv[1], create=len(sys.argv) > 3)
blobs = connection.blobs
assert connection.store is not None
before, began = peak(), time.perf_counter()
digest, size = blobs.put_file(Path(sys.argv[2]))
sent, again, back = time.perf_counter(), peak(), 0
with blobs.open(digest) as file:
    while chunk := file.read(2**20):
        back += len(chunk)
assert back == size
print(f"in {size / (sent - began) / 1e6:,.0f} MB/s, out {size / (time.perf_counter() - sent) / 1e6:,.0f} MB/s; "
      f"peak memory {before:.0f} MB before, {again:.0f} MB after it was sent, {peak():.0f} MB after it was read")
"""


def main() -> None:
    """Measure a folder, then a Jupyter server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=5)
    left = int(parser.parse_args().gb * 2**30)
    with tempfile.TemporaryDirectory(prefix="large-") as scratch:
        source = Path(scratch) / "source"
        noise, number = os.urandom(2**24), 0
        with open(source, "wb") as file:
            while left > 0:
                left -= file.write((number.to_bytes(8, "big") + noise[8:])[:left])
                number += 1
        send = [sys.executable, "-c", SEND]
        print("folder:", subprocess.check_output([*send, f"{scratch}/workspace", source, "create"], text=True), end="")
        sys.path.insert(0, str(HERE.parent / "tests" / "store"))
        import jupyter_server_process as jupyter

        os.environ["JUPYTER_AML_HOME"] = f"{scratch}/home"
        print("http:", subprocess.check_output([*send, jupyter.address(), source], text=True), end="")
        status = Path(f"/proc/{jupyter.server().process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        print(f"the server: peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
