"""One contender doing one task in this process: ``contender.py TASK WHO FOLDER`` prints a JSON object."""

import json
import sys
import time

import ours
import peers


def log_scalars(logger, folder, count):
    """`count` calls, each timed; then until a fresh process sees the last one."""
    clock = time.perf_counter_ns
    log, finish = logger(folder)
    log(0.0)  # first use is measured elsewhere
    took = [0] * count
    began = clock()
    for i in range(count):
        t = clock()
        log(i * 0.5)
        took[i] = clock() - t
    logged = clock()
    finish(count)
    took.sort()
    return {
        "p50_us": took[count // 2] / 1000,
        "p99_us": took[count * 99 // 100] / 1000,
        "calls_s": (logged - began) / 1e9,
        "points_per_s": count / ((clock() - began) / 1e9),
    }


def main():
    task, who, folder, *rest = sys.argv[1:]
    module = ours if who.startswith("ours") else peers
    if task == "log":
        result = log_scalars(getattr(module, f"log_{who}"), folder, int(rest[0]))
    elif task == "killed":
        log, _ = getattr(module, f"log_{who}")(folder)
        for i in range(int(rest[0])):
            log(float(i))
        import os

        print("{}", flush=True)
        os.kill(os.getpid(), 9)
    else:
        result = getattr(module, f"{task}_{who}")(folder, *rest) or {}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
