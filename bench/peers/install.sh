#!/bin/sh
# Installs the peers of `make bench`: Python packages into a virtual environment of their own,
# .cache/peers. R and its packages come from the system; on Debian:
#   apt-get install r-base-core r-cran-survival r-cran-glmnet r-cran-jsonlite python3-venv
set -eu
cd "$(dirname "$0")/../.."
command -v Rscript >/dev/null || { echo "bench: needs R: see bench/peers/install.sh" >&2; exit 1; }
Rscript -e 'library(survival); library(glmnet); library(jsonlite)' >/dev/null 2>&1 || {
	echo "bench: needs R's survival, glmnet and jsonlite: see bench/peers/install.sh" >&2; exit 1; }
[ .cache/peers/installed -nt bench/peers/requirements.txt ] && exit 0
python3 -m venv .cache/peers
.cache/peers/bin/pip install --quiet --requirement bench/peers/requirements.txt
touch .cache/peers/installed
