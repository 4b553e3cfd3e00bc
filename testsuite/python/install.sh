#!/bin/sh
# Installs what predict.py needs, for its tests: numpy.
exec "$(dirname "$0")/../harness/venv.sh" python testsuite/python/requirements.txt
