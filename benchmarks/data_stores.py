"""Uploading many small files to the default datastore, beside `shutil.copytree` of the same folder.

    python benchmarks/data_stores.py [--files 1000] [--bytes 10000] [--rounds 5]

The rounds take turns, so that both meet the same machine; what is printed are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--files", type=int, default=1000)
    asked.add_argument("--bytes", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=5)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["JUPYTER_AML_HOME"] = f"{scratch}/home"
        from jupyter_aml import Workspace

        store = Workspace.from_url(f"{scratch}/workspace", create=True).get_default_datastore()
        source = Path(scratch, "source")
        for i in range(given.files):
            path = source / f"folder{i % 10}" / f"{i}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(given.bytes))
        copies, uploads, downloads = [], [], []
        for turn in range(given.rounds):
            begun = time.perf_counter()
            shutil.copytree(source, f"{scratch}/copy{turn}")
            copies.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            store.upload(source, f"up{turn}", show_progress=False)
            uploads.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            store.download(f"{scratch}/down{turn}", prefix=f"up{turn}", show_progress=False)
            downloads.append(time.perf_counter() - begun)
    copy, upload, download = (statistics.median(found) for found in (copies, uploads, downloads))
    print(
        json.dumps(
            {
                "files": given.files, "bytes": given.bytes, "copytree_s": round(copy, 4), "upload_s": round(upload, 4),
                "download_s": round(download, 4), "upload/copytree": round(upload / copy, 2),
                "download/copytree": round(download / copy, 2),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
