#!/usr/bin/env bash
# One fuzz target for some seconds: run.sh NAME SECONDS [OPTION...] [SEED_DIRECTORY...]
#
# The corpus stays in build/fuzz/NAME.corpus and the next run goes on from there. Ends with libFuzzer's
# statistics, and with one row in build/fuzz/NAME.stats for summary.sh. Fails when the target found
# something; the input lies beside it as build/fuzz/NAME-crash-*.
set -uo pipefail

name=$1 seconds=$2
shift 2
out=build/fuzz
log=$out/$name.log
mkdir -p "$out/$name.corpus"
"$out/fuzz_$name" -max_total_time="$seconds" -seed=1 -artifact_prefix="$out/$name-" \
	-print_final_stats=1 "$@" > "$log" 2>&1 < /dev/null
status=$?
grep '^stat::' "$log"
if [ $status -ne 0 ]; then
	grep -v '^#' "$log" | tail -n 60
	echo "fuzz_$name failed; its whole output: $log"
	exit $status
fi
# Name, executions, a second, units and features of the corpus, units new in this run.
awk -v name="$name" '
	/^stat::number_of_executed_units:/ {executions = $2}
	/^stat::average_exec_per_sec:/ {rate = $2}
	/^stat::new_units_added:/ {new = $2}
	/^#[0-9]+[ \t]+DONE / {
		for (i = 3; i < NF; i++) {
			if ($i == "ft:")
				features = $(i + 1)
			if ($i == "corp:")
				split($(i + 1), corpus, "/")
		}
	}
	END {print name, executions + 0, rate + 0, corpus[1] + 0, features + 0, new + 0}
' "$log" > "$out/$name.stats"
