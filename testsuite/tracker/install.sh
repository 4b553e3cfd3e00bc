#!/bin/sh
# Installs the MLflow server of testsuite/tracker into a virtual environment of its own,
# .cache/mlflow: 850 MB, about two minutes. It needs python3 with venv; on Debian:
#   apt-get install python3-venv
set -eu
cd "$(dirname "$0")/../.."
[ .cache/mlflow/installed -nt testsuite/tracker/requirements.txt ] && exit 0
echo "installing the MLflow server of the tests: some minutes, once"
python3 -m venv .cache/mlflow
.cache/mlflow/bin/pip install --quiet --requirement testsuite/tracker/requirements.txt
touch .cache/mlflow/installed
