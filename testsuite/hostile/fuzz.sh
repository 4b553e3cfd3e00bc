#!/usr/bin/env bash
# Runs every fuzz target of the module for a while, one after the other on one core, and prints a
# line for each: package, target, seconds, executions, new inputs. What is found is written to
# testdata/fuzz of the target's package, and plain `go test` runs it from then on.
#
#   fuzz.sh 60s [PART]    PART: only targets whose package.name has this part
set -uo pipefail
cd "$(dirname "$0")/../.."
time=${1:-1s} only=${2:-} failed=0 built=''
go=${GO:-go}
root=$PWD
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

targets=$(grep -rH --include='*_test.go' -oE '^func Fuzz[A-Za-z0-9]+' . | sed -E 's|/[^/]*_test.go:func | |' | sort)
while read -r package target; do
	case "$package.$target" in *"$only"*) ;; *) continue ;; esac
	if [ "$built" != "$package" ]; then
		$go test -c -fuzz . -o "$bin/test" "$package" || exit 1
		built=$package
	fi
	begin=$SECONDS
	if out=$(cd "$package" && "$bin/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.fuzzminimizetime 1s -test.parallel 1 \
		-test.fuzzcachedir "$root/.cache/fuzz/$package" 2>&1); then
		tail=$(grep -E '^fuzz: elapsed' <<<"$out" | tail -1)
		execs=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' <<<"$tail") new=$(sed -nE 's/.*new interesting: ([0-9]+).*/\1/p' <<<"$tail")
		printf '%-28s %-18s %4ss %9s executions, %s new inputs\n' "$package" "$target" $((SECONDS - begin)) "${execs:-?}" "${new:-0}"
	else
		failed=1
		echo "$package $target FAILED"
		echo "$out"
	fi
done <<<"$targets"
exit $failed
