#!/bin/sh
# Installs what the Python of the pages needs, for their test: scikit-survival.
exec "$(dirname "$0")/../harness/venv.sh" sksurv testsuite/docs/requirements.txt
