#!/usr/bin/env bash
# Runs every fuzz target of the module for a while, one after the other on one core, and prints a
# line for each: package, target, seconds, executions, new inputs. What is found is written to
# testdata/fuzz of the target's package, and plain `go test` runs it from then on.
#
#   fuzz.sh 60s [PART]    PART: only targets whose package.name has this part
set -uo pipefail
cd "$(dirname "$0")/../.."
time=${1:-1s} only=${2:-} failed=0
go=${GO:-go}
root=$PWD
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

# `go test -fuzz` counts the branches of all that is linked, and looks at every counter after each
# execution: that takes longer than a decoder does. So only what decodes is counted here.
counted=()
for packages in everfold/{artifact,config,dataset,internal,report,store,survival}/... github.com/parquet-go/... github.com/goccy/go-yaml/... encoding/csv compress/flate; do
	counted+=("-gcflags=$packages=-d=libfuzzer")
done
# One core, and fewer collections of garbage, of which there is much and little is held.
export GOMAXPROCS=1 GOGC=400

for package in $(grep -rl --include='*_test.go' -E '^func Fuzz[A-Za-z0-9]+\(f \*testing.F\)' . | grep -v internal/archtest | xargs -n 1 dirname | sort -u); do
	case "$only" in *.*) case "$package." in *"${only%.*}."*) ;; *) continue ;; esac ;; esac
	$go test -c -vet=off "${counted[@]}" -o "$bin/test" "$package" || exit 1
	for target in $("$bin/test" -test.list '^Fuzz'); do
		case "$package.$target" in *"$only"*) ;; *) continue ;; esac
		begin=$SECONDS
		# An input that is new is made smaller by a few executions: a whole minute, the default, would be most of the time.
		out=$(cd "$package" && "$bin/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.fuzzminimizetime 50x -test.parallel 1 \
			-test.fuzzcachedir "$root/.cache/fuzz/$package" 2>&1)
		# Now and then the package testing takes the end of its time for a failure: then there is no input that failed.
		if [ $? = 0 ] || { grep -q '^ *context deadline exceeded$' <<<"$out" && ! grep -qE 'Failing input|seed corpus entry' <<<"$out"; }; then
			tail=$(grep -E '^fuzz: elapsed' <<<"$out" | tail -1)
			execs=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' <<<"$tail") new=$(sed -nE 's/.*new interesting: ([0-9]+).*/\1/p' <<<"$tail")
			printf '%-28s %-18s %4ss %9s executions, %s new inputs\n' "$package" "$target" $((SECONDS - begin)) "${execs:-?}" "${new:-0}"
		else
			failed=1
			echo "$package $target FAILED"
			echo "$out"
		fi
	done
done
exit $failed
