#!/bin/sh
# Registers the namespace "default", whose finished histories are kept for 30 days, and
# everfold's search attributes. Typed again it changes nothing. Where the server is:
# TEMPORAL_ADDRESS.
set -eu

register() {
	temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
		temporal operator namespace create --namespace default --retention 720h
	temporal operator search-attribute create --namespace default \
		--name EverfoldRun --type Keyword --name EverfoldType --type Keyword \
		--name EverfoldOutcome --type Keyword --name EverfoldFailed --type Int
}

# A server that has just been told of a namespace takes seconds to know it everywhere.
tries=30
until register; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || exit 1
	sleep 1
done
