#!/usr/bin/env bash
# Run the given cmocka programs; one line each, their output when they fail. Ends with the counts.
set -uo pipefail

passed=0
failed=0
skipped=0
for program in "$@"; do
	log=$program.log
	if CMOCKA_MESSAGE_OUTPUT=TAP "$program" > "$log" 2>&1; then
		status=ok
	else
		status=FAILED
	fi
	p=$(grep -c '^ok ' "$log")
	f=$(grep -c '^not ok ' "$log")
	s=$(grep -c '# SKIP' "$log")
	p=$((p - s))
	if [ "$status" = FAILED ]; then
		[ "$f" -gt 0 ] || f=1
		cat "$log"
	elif [ "$p" -eq 0 ] && [ "$s" -eq 0 ]; then
		echo "$program ran no test" >&2
		f=1
	fi
	printf '  %-40s %3d passed, %d failed, %d skipped\n' "$(basename "$program")" "$p" "$f" "$s"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
done
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
