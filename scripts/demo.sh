#!/usr/bin/env bash
# `make demo`: install what is missing, build, show the guard on real traffic. Everything happens in
# network namespaces that tests/lab/demo.py makes and takes back, also on Ctrl-C.
set -euo pipefail

cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
	echo "the demo makes network namespaces and loads BPF programs: run it as root (sudo make demo)" >&2
	exit 1
fi
export PYTHONPYCACHEPREFIX="$PWD/build/pycache"
scripts/install-deps.sh
make -s -j"$(nproc)" all lab
exec python3 tests/lab/demo.py "$@"
