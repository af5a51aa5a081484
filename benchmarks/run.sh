#!/bin/sh
# Compare with peers, side by side. Installs them and this checkout in an environment of their own, benchmarks/.venv.
# Usage: benchmarks/run.sh [--only logging,cells,…] [--rounds 3]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
env=${BENCH_ENV:-$here/.venv}
if [ ! -x "$env/bin/python" ]; then
  "${PYTHON:-python3}" -m venv "$env"
  "$env/bin/python" -m pip install --quiet --upgrade pip
  "$env/bin/python" -m pip install --quiet -r "$here/requirements.txt" "$here/.."
fi
exec "$env/bin/python" "$here/compare.py" "$@"
