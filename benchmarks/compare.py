"""Everything side by side; writes results/<date>-<cores>cores.md and .json."""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
POINTS, KILLED, WRITERS, EACH, CELLS = 20_000, 5_000, 8, 2_000, (30, 130)
TIMEOUT = 120
SLOW = {"mlflow": 1_000}
"""Calls of contenders for which 20,000 would take minutes."""
scratch = Path()
serial = 0


def fresh():
    global serial
    serial += 1
    folder = scratch / str(serial)
    folder.mkdir()
    return str(folder)


def contender(*words, env=None):
    """Its answer. Output goes to files, and what it leaves running is ended: a pipe would wait for that."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "contender.py"), *map(str, words)],
            stdout=out, stderr=err, env={**os.environ, **(env or {})}, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{words}: no end after {TIMEOUT} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        out.seek(0)
        err.seek(0)
        if code not in (0, -9):
            raise RuntimeError(f"{words}: {err.read()[-2000:]}")
        return json.loads(out.read().strip().splitlines()[-1])


def rounds(names, measure, count):
    """Each in turn, `count` times: name → median of each figure."""
    found = {name: [] for name in names}
    for _ in range(count):
        for name in names:
            found[name].append(measure(name))
    return {
        name: {key: statistics.median(one[key] for one in results) for key in results[0]}
        for name, results in found.items()
    }


# -- the comparisons ---------------------------------------------------------------------------------------------------
def logging(count):
    def measure(who):
        points = SLOW.get(who, POINTS)
        return contender("log", who, fresh(), points, env={"BENCH_COUNT": str(points + 1)})

    names = ["write", "sqlite", "ours", "trackio", "tensorboardX", "mlflow"]
    table = rounds(names, measure, count)
    for who in names:
        folder = fresh()
        contender("killed", who, folder, KILLED if who != "mlflow" else SLOW[who])
        table[who]["kept"] = contender("survivors", who, folder)["kept"]
        table[who]["of"] = KILLED if who != "mlflow" else SLOW[who]
    return table


def writers(count):
    def measure(who):
        folder = fresh()
        contender("prepare", who, folder)
        running = [
            subprocess.Popen(
                [sys.executable, str(HERE / "contender.py"), "writer", who, folder, str(n), str(EACH)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for n in range(WRITERS)
        ]  # fmt: skip
        for process in running:
            process.stdout.readline()
        began = time.perf_counter()
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in running:
            process.stdout.readline()  # its answer: everything is in the store
        took = time.perf_counter() - began
        for process in running:
            process.communicate()
        return {"s": took, "points": contender("counted", who, folder)["points"]}

    return rounds(["sqlite", "ours", "ours_cold", "mlflow"], measure, count)


def starting(count):
    def importing(code):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
        return {"import_ms": (time.perf_counter() - began) * 1000}

    codes = {
        "bare python": "pass",
        "ours": "import jupyter_aml",
        "ours, the names used": "from jupyter_aml import Workspace, Experiment, Run",
        "sqlalchemy": "import sqlalchemy",
        "trackio": "import trackio",
        "papermill": "import papermill",
        "mlflow": "import mlflow",
    }
    table = rounds(list(codes), lambda name: importing(codes[name]), max(count, 5))

    def first(who):
        folder = fresh()
        began = time.time()
        return {"first_s": contender("first", who, folder)["at"] - began}

    for who, found in rounds(["ours", "mlflow"], first, count).items():
        table[who].update(found)
    return table


def cells(count):
    import nbformat

    sources = {}
    for size in CELLS:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(f"x = {i}") for i in range(size)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        sources[size] = str(scratch / f"{size}.ipynb")
        nbformat.write(notebook, sources[size])

    def measure(who):
        took = {size: contender("notebook", who, fresh(), sources[size])["s"] for size in CELLS}
        small, large = CELLS
        return {"ms_a_cell": (took[large] - took[small]) / (large - small) * 1000, "s_of_130": took[large]}

    return rounds(["nbclient", "ours", "papermill"], measure, count)


def files(count):
    source = scratch / "thousand"
    source.mkdir()
    for i in range(1000):
        (source / f"{i:04}.bin").write_bytes(os.urandom(10_000))
    names = ["copytree", "sha_copy", "ours", "ours_run", "mlflow"]
    return rounds(names, lambda who: contender("files", who, fresh(), source), count)


PARTS = {"logging": logging, "writers": writers, "starting": starting, "cells": cells, "files": files}
TITLES = {
    "logging": f"One scalar, {POINTS:,} calls (mlflow {SLOW['mlflow']:,}). points_per_s: ours until another process, which has the "
    "store open, reads the last one back; the others until their own close returns. kept: of those logged before kill -9",
    "writers": f"{WRITERS} processes × {EACH:,} points until all are in one store (sqlite: executemany; mlflow: log_batch of 1,000); the "
    "store is open before the start, except for ours_cold, which loads the database layer within the time",
    "starting": "Import, as a whole process; and from process start to the first durable metric",
    "cells": f"Notebooks of {CELLS[0]} and {CELLS[1]} trivial cells: cost of one cell more",
    "files": "1,000 files of 10 kB (ours: hashed into the artifact store; ours_run: `Run.upload_folder`, durable and listed)",
}
BASE = {"logging": ("write", "p50_us"), "writers": ("sqlite", "s"), "starting": ("bare python", "import_ms"),
        "cells": ("papermill", "ms_a_cell"), "files": ("copytree", "s")}  # fmt: skip


def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "checkout"


def shown(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def page(results, about):
    lines = [
        f"# Side by side, {about['date']}",
        "",
        f"{about['cores']} cores, {about['memory_gb']} GB, {about['system']}, Python {about['python']}; medians of {about['rounds']}, "
        "contenders in turn. Load at the start: "
        + about["load"]
        + ". Absolute times drift with the machine: compare ratios.",
        "",
        "Versions: " + ", ".join(f"{name} {number}" for name, number in about["versions"].items()) + ".",
    ]
    for part, table in results.items():
        who, key = BASE[part]
        keys = list(dict.fromkeys(key for found in table.values() for key in found))
        lines += ["", f"## {part}", "", TITLES[part] + ".", ""]
        lines += ["| | " + " | ".join(keys) + f" | {key} ÷ {who} |", "|---" * (len(keys) + 2) + "|"]
        for name, found in table.items():
            cells_ = [shown(found[k]) if k in found else "" for k in keys]
            ratio = f"{found[key] / table[who][key]:.2f}" if key in found else ""
            label = f"**{name}**" if name.startswith("ours") else name
            lines.append(f"| {label} | " + " | ".join(cells_) + f" | {ratio} |")
    return "\n".join(lines) + "\n"


def main():
    global scratch
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--to", type=Path, default=HERE / "results")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="aml-bench-"))
    os.environ["JUPYTER_AML_HOME"] = str(scratch / "home")
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    names = ["jupyter_aml", "mlflow", "trackio", "tensorboardX", "papermill", "nbclient", "sqlalchemy", "ipykernel"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    about = {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "system": platform.system() + " " + platform.release().split("-")[0],
        "python": platform.python_version(),
        "rounds": given.rounds,
        "load": f"{os.getloadavg()[0]:.1f}",
        "versions": {name: version(name) for name in names},
    }
    results = {}
    for part in given.only.split(","):
        began = time.time()
        results[part] = PARTS[part](given.rounds)
        print(f"{part}: {time.time() - began:.0f} s", file=sys.stderr)
    text = page(results, about)
    print(text)
    given.to.mkdir(parents=True, exist_ok=True)
    name = f"{about['date']}-{about['cores']}cores"
    (given.to / f"{name}.md").write_text(text, encoding="utf-8")
    (given.to / f"{name}.json").write_text(json.dumps({"about": about, "results": results}, indent=1), encoding="utf-8")
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
