#!/usr/bin/env bash
# One part of scripts/check.sh: check-part.sh PART LOG RESULT. All output goes to LOG; RESULT gets
# `passed failed skipped`, counted from what the tests themselves print, never assumed.
set -uo pipefail

part=$1 log=$2 result=$3
passed=0 failed=0 skipped=0
exec >> "$log" 2>&1
# Deferred until the running command has ended, so it can take back what it made.
trap 'exit 143' INT TERM HUP

soak()
{
	[ -n "${SG_SOAK:-}" ]
}

# --- counters: read a command's output, print `passed failed skipped` ---

# Lines `ok NAME`, `not ok NAME`, `SKIPPED NAME reason`.
count_lines()
{
	awk '/^ok /{p++} /^not ok /{f++} /^SKIPPED /{s++} END {print p + 0, f + 0, s + 0}'
}

# Lines `unit: N passed, N failed, N skipped` (scripts/run-unit.sh).
count_sums()
{
	sed -n 's/^[a-z-]*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' |
		awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}'
}

# Python's unittest: `Ran N tests` and `FAILED (failures=1, errors=2, skipped=3)`.
count_unittest()
{
	awk '
	function value(name) {
		if (!match($0, name "=[0-9]+"))
			return 0
		return substr($0, RSTART + length(name) + 1, RLENGTH - length(name) - 1)
	}
	/^Ran [0-9]+ tests? in/ {ran += $2}
	/^(OK|FAILED)( |$)/ {
		f += value("failures") + value("errors") + value("unexpected successes")
		s += value("skipped")
	}
	END {print ran - f - s, f + 0, s + 0}'
}

# Promises of the lab: `    ok     WHAT`, `    BROKEN WHAT`.
count_promises()
{
	awk '/^ +ok +[^ ]/{p++} /^ +BROKEN /{f++} END {print p + 0, f + 0, 0}'
}

# Clients of tests/lab/real_peers.py: `  MODE     CLIENT        ok|FAILED WHAT`.
count_peers()
{
	awk '/^  (none|observe|police|intercept) +(scepclient [0-9]+|pki --[a-z]+) +ok /{p++}
	     /^  (none|observe|police|intercept) +(scepclient [0-9]+|pki --[a-z]+) +FAILED /{f++}
	     END {print p + 0, f + 0, 0}'
}

# counted COUNTER COMMAND...: run it and add what it says. A command that fails without naming a
# failed test, or that names no test at all, is itself one.
counted()
{
	local counter=$1 from status p f s

	shift
	from=$(stat -c %s "$log")
	"$@"
	status=$?
	read -r p f s < <(tail -c +$((from + 1)) "$log" | "$counter")
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		echo "check: '$*' ended with status $status"
		f=1
	elif [ $((p + f + s)) -eq 0 ]; then
		echo "check: '$*' ran no test"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# one NAME COMMAND...: a test by exit status.
one()
{
	local name=$1

	shift
	if "$@"; then
		echo "ok $name"
		passed=$((passed + 1))
	else
		echo "not ok $name"
		failed=$((failed + 1))
	fi
}

# --- parts ---

# Load every program of an object; the private mount namespace takes bpffs and pins with it.
load_object()
{
	local dir=build/check/bpffs

	mkdir -p "$dir"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private sh -c \
		'mount -t bpf bpffs "$1" && bpftool prog loadall "$2" "$1/progs" && ls "$1/progs"' \
		sh "$dir" "$1"
}

part_build()
{
	one "make" make --no-print-directory -j"$(nproc)" all lab
	one "bpf object with clang 19" make --no-print-directory bpf-clang-19
	one "the kernel loads it (default clang)" load_object build/bpf/scepguard.bpf.o
	one "the kernel loads it (clang 19)" load_object build/bpf/scepguard-clang19.bpf.o
}

part_lint()
{
	counted count_lines make --no-print-directory lint
}

part_unit()
{
	counted count_sums make --no-print-directory -j"$(nproc)" test
	counted count_lines python3 tests/unit/cookie_vectors.py --check
}

part_bpf()
{
	counted count_sums make --no-print-directory -j"$(nproc)" bpf-test
}

# Did this fuzzer run, find nothing, and try more than its seeds?
fuzz_one()
{
	local target=$1 seconds=$2 from units

	from=$(stat -c %s "$log")
	make --no-print-directory "$target" FUZZ_SECONDS="$seconds" || return 1
	units=$(tail -c +$((from + 1)) "$log" |
		sed -n 's/^stat::number_of_executed_units: *\([0-9]*\)$/\1/p' | tail -n 1)
	echo "$target: ${units:-0} inputs in $seconds s"
	[ "${units:-0}" -ge 1000 ]
}

part_fuzz()
{
	local source name seconds=60

	! soak || seconds=900
	for source in tests/fuzz/fuzz_*.c; do
		name=$(basename "$source" .c)
		one "$name" fuzz_one "${name//_/-}" "$seconds"
	done
	counted count_lines scripts/coverage.sh
	! soak || counted count_lines python3 tests/fuzz/mutants.py
}

part_netns()
{
	counted count_lines python3 tests/netns/run.py
	counted count_unittest python3 tests/ops/test_operations.py
}

# Police's promises, then intercept's, in every scenario. A run waits more than it works, so four go
# side by side; the flood of 100 kpps has the machine for itself.
play_lab()
{
	counted count_promises python3 tests/lab/lab.py matrix --scale 10 --jobs 4 "$@"
	counted count_promises python3 tests/lab/lab.py proof --scale 10 --jobs 4 "$@"
}

part_lab()
{
	counted count_unittest python3 tests/lab/test_judge.py
	counted count_unittest python3 tests/lab/test_ios_ca.py
	if soak; then
		play_lab
		play_lab --seed 2 --ipv6 --count handshake --reading fixed
		play_lab --seed 3 --one-armed --count accept --during-block extend
		counted count_promises python3 tests/lab/flood100k.py --seconds 300
	else
		play_lab --brief
		counted count_promises python3 tests/lab/flood100k.py
	fi
}

# Enrolments of real clients: a few in each mode, then one after the other in the midst of a storm.
part_peers()
{
	local in_storm=200

	! soak || in_storm=5000
	counted count_peers python3 tests/lab/real_peers.py observe police intercept
	counted count_peers python3 tests/lab/real_peers.py --storm "$in_storm" intercept
}

part_bench()
{
	one "make what it needs" make --no-print-directory bpf-clang-19 build/bench/verifier_figures
	one "forwarding at least 0.90 of a bare XDP_PASS" python3 tests/bench/forwarding.py --check
	one "at most 250 000 instructions verified, loaded in 2 s" \
		python3 tests/bench/verifier_figures.py --check
}

if ! declare -F "part_$part" > /dev/null; then
	echo "check: there is no part '$part'"
	exit 2
fi
"part_$part"
echo "$passed $failed $skipped" > "$result"
[ "$failed" -eq 0 ]
