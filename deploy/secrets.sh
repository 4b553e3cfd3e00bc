#!/bin/sh
# Writes .env, which docker compose reads: passwords from /dev/urandom, for this user's eyes
# alone. What is there stays as it is.
set -eu
cd "$(dirname "$0")/.."
umask 077

random() { od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n'; }

[ -e .env ] || : >.env
chmod 600 .env
[ -z "$(tail -c 1 .env)" ] || echo >>.env # a last line without an end
for name in POSTGRES_PASSWORD S3_ACCESS_KEY S3_SECRET_KEY; do
	grep -q "^$name=." .env || printf '%s=%s\n' "$name" "$(random)" >>.env
done
echo ".env has the passwords of docker-compose.yml; keep it as long as its volumes"
