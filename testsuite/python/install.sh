#!/bin/sh
# Installs what predict.py needs, for its tests: numpy, into a virtual environment of their own,
# .cache/python. Python 3 with venv comes from the system; on Debian:
#   apt-get install python3-venv
set -eu
cd "$(dirname "$0")/../.."
command -v python3 >/dev/null || { echo "these tests need Python 3 with venv: see testsuite/python/install.sh" >&2; exit 1; }
mkdir -p .cache
exec 9>.cache/python.lock
command -v flock >/dev/null && flock 9 # test packages run side by side
[ .cache/python/installed -nt testsuite/python/requirements.txt ] && exit 0
python3 -m venv .cache/python || { echo "these tests need python3-venv: see testsuite/python/install.sh" >&2; exit 1; }
.cache/python/bin/pip install --quiet --requirement testsuite/python/requirements.txt
touch .cache/python/installed
