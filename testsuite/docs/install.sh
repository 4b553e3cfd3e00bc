#!/bin/sh
# Installs what the Python of the pages needs, for their test: scikit-survival, into a virtual
# environment of its own, .cache/sksurv. Python 3 with venv comes from the system; on Debian:
#   apt-get install python3-venv
set -eu
cd "$(dirname "$0")/../.."
command -v python3 >/dev/null || { echo "these tests need Python 3 with venv: see testsuite/docs/install.sh" >&2; exit 1; }
mkdir -p .cache
exec 9>.cache/sksurv.lock
command -v flock >/dev/null && flock 9 # test packages run side by side
[ .cache/sksurv/installed -nt testsuite/docs/requirements.txt ] && exit 0
python3 -m venv .cache/sksurv || { echo "these tests need python3-venv: see testsuite/docs/install.sh" >&2; exit 1; }
.cache/sksurv/bin/pip install --quiet --requirement testsuite/docs/requirements.txt
touch .cache/sksurv/installed
