#!/usr/bin/env bash
# `make check`: install what is missing, build, run every test, count honestly.
#
#   SG_PARTS="unit bpf" scripts/check.sh    only these parts (lint unit bpf fuzz netns lab peers bench)
#   SG_SOAK=1 scripts/check.sh              the long versions, without the time limit (make soak)
#
# Each part writes build/check/PART.log, shown when it fails. The last line is `N passed, N failed`,
# with `, N skipped` when something was. Fails when a test failed, when a part ran no test or died,
# when all took longer than SG_MINUTES (45), and with CI=true when anything was skipped.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
if [ "$(id -u)" -ne 0 ]; then
	echo "the tests make network namespaces and load BPF programs: run them as root (sudo make check); \`make test\` needs no root" >&2
	exit 1
fi
parts=${SG_PARTS:-lint unit bpf fuzz netns lab peers bench}
most_minutes=${SG_MINUTES:-45}
logs=build/check
passed=0 failed=0 skipped=0
child='' part=''
mkdir -p "$logs"
rm -f "$logs"/*.result
export PYTHONPYCACHEPREFIX="$PWD/build/pycache"

# What killed tests could not take back themselves (namespaces whose process is gone).
sweep()
{
	python3 tests/lib/netlab.py sweep || true
}

# End the running part in order: TERM lets it clean up, `timeout` kills what has not ended in 30 s.
# shellcheck disable=SC2317 # reached by the trap
interrupted()
{
	trap '' INT TERM HUP
	echo "interrupted during '$part': cleaning up" >&2
	[ -z "$child" ] || kill -TERM "$child" 2> /dev/null
	[ -z "$child" ] || wait "$child" 2> /dev/null
	sweep
	exit 130
}
trap interrupted INT TERM HUP

# Longest a part may take before it counts as hung, in seconds: about twice its budget.
limit_s()
{
	if [ -n "${SG_SOAK:-}" ]; then
		echo 86400
		return
	fi
	case $1 in
	build) echo 600 ;;
	lint | unit | bpf) echo 900 ;;
	fuzz) echo 900 ;;
	netns) echo 1200 ;;
	lab) echo 1800 ;;
	*) echo 480 ;;
	esac
}

minutes()
{
	printf '%d:%02d min' $(($1 / 60)) $(($1 % 60))
}

# Run one part and add its counts to the sum.
run_part()
{
	local began=$SECONDS log=$logs/$part.log result=$logs/$part.result status p=0 f=0 s=0

	: > "$log"
	# Its own process group: Ctrl-C comes to us alone, and we end it in order.
	set -m
	timeout --kill-after=30 "$(limit_s "$part")" scripts/check-part.sh "$part" "$log" "$result" \
		< /dev/null > /dev/null 2>&1 &
	child=$!
	set +m
	wait "$child"
	status=$?
	child=''
	[ ! -r "$result" ] || read -r p f s < "$result"
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		echo "check: '$part' was ended after $(minutes $((SECONDS - began)))" >> "$log"
		sweep
	fi
	# A part that dies without a count, or says nothing but fails, has failed.
	if [ ! -r "$result" ] || { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; }; then
		echo "check: '$part' ended with status $status" >> "$log"
		f=$((f + 1))
	elif [ $((p + f)) -eq 0 ] && [ "$s" -eq 0 ]; then
		echo "check: '$part' ran no test" >> "$log"
		f=1
	fi
	[ "$f" -eq 0 ] || cat "$log"
	grep -h '^SKIPPED ' "$log"
	printf '%-6s %4d passed, %d failed, %d skipped in %s\n' "$part" "$p" "$f" "$s" \
		"$(minutes $((SECONDS - began)))"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[ "$f" -eq 0 ]
}

if ! scripts/install-deps.sh; then
	echo "check: packages are missing and could not be installed" >&2
	exit 1
fi
part=build
if run_part; then
	for part in $parts; do
		run_part
	done
fi
sweep
status=0
echo "total $(minutes $SECONDS)"
if [ -z "${SG_SOAK:-}" ] && [ $SECONDS -gt $((most_minutes * 60)) ]; then
	echo "check: longer than $most_minutes minutes"
	status=1
fi
if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
	echo "check: nothing may be skipped with CI=true"
	status=1
fi
[ "$failed" -eq 0 ] || status=1
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
exit $status
