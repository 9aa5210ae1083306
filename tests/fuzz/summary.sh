#!/usr/bin/env bash
# One table of what the fuzz targets did when they ran last (build/fuzz/*.stats, written by run.sh).
set -uo pipefail

printf '%-10s %12s %8s %8s %9s %10s\n' target executions exec/s corpus features 'new units'
cat build/fuzz/*.stats 2> /dev/null |
	awk '{printf "%-10s %12d %8d %8d %9d %10d\n", $1, $2, $3, $4, $5, $6; sum += $2}
	     END {printf "%-10s %12d\n", "all", sum}'
