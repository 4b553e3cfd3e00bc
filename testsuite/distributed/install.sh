#!/bin/sh
# What the services of testsuite/distributed need of the system. On Debian and its like, as root,
# it installs what is missing, without a database cluster of the package's own; elsewhere it says
# what that is.
set -eu

missing=
need() { missing="$missing $1"; }
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need postgresql
command -v wget >/dev/null || need wget
[ -e /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates
python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "install these, by their names in Debian:$missing" >&2
	exit 1
fi
echo "installing$missing"
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	mkdir -p /etc/postgresql-common
	echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
apt-get update -qq
# shellcheck disable=SC2086 # names, one a word
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
