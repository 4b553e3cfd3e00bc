#!/bin/sh
# venv.sh NAME REQUIREMENTS puts Python packages into a virtual environment of their own,
# .cache/NAME, once. Python 3 with venv comes from the system; on Debian:
#   apt-get install python3-venv
set -eu
cd "$(dirname "$0")/../.."
command -v python3 >/dev/null || { echo "these tests need Python 3 with venv: see testsuite/harness/venv.sh" >&2; exit 1; }
mkdir -p .cache
exec 9>".cache/$1.lock"
command -v flock >/dev/null && flock 9 # test packages run side by side
[ ".cache/$1/installed" -nt "$2" ] && exit 0
python3 -m venv ".cache/$1" || { echo "these tests need python3-venv: see testsuite/harness/venv.sh" >&2; exit 1; }
".cache/$1/bin/pip" install --quiet --requirement "$2"
touch ".cache/$1/installed"
