#!/usr/bin/env bash
# `make coverage`: which lines of bpf/core are reached (a) by the unit tests and (b) by the corpora of the
# fuzz targets, seeds included: run those first. Then what the targets did.
#
# Fails when either reaches fewer than 95 % of the classifier's lines. Needs no root; everything lies
# below build/coverage.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
out=build/coverage
least=${SG_COVERAGE:-95}
classifier='http_line http_tables http_shortcut http_head http_answer scep_class request segment tcp_conn
	net_parse'
# The tools have to be of the compiler that made the profile.
clang=$(command -v clang-14 || command -v clang-19 || command -v clang)
version=${clang##*clang}
failed=0
mkdir -p "$out/raw"
rm -f "$out"/raw/*

if ! make --no-print-directory -j"$(nproc)" coverage-programs > "$out/build.log" 2>&1; then
	cat "$out/build.log"
	exit 1
fi

# Run one program, its profile to raw/KIND-NAME.
profiled()
{
	local kind=$1 program=$2

	shift 2
	if ! LLVM_PROFILE_FILE="$out/raw/$kind-$(basename "$program").profraw" "$program" "$@" \
		> "$program.log" 2>&1 < /dev/null; then
		tail -n 20 "$program.log"
		echo "not ok coverage: '$program' fails"
		failed=1
	fi
}

# Lines of bpf/core that programs of this kind ran: `FILE LINE COUNT`. A header is many files to llvm-cov, by
# the ways it is included.
lines_of()
{
	local kind=$1 objects=() program

	shift
	for program in "$@"; do
		objects+=(-object "$program")
	done
	"llvm-profdata$version" merge -o "$out/$kind.profdata" "$out/raw/$kind"-*.profraw || exit 1
	"llvm-cov$version" export -format=lcov -instr-profile "$out/$kind.profdata" \
		"${objects[@]:1}" 2> /dev/null |
		awk -F '[:,]' '
			/^SF:/ {file = /bpf\/core\// ? $0 : ""; sub(/.*\//, "", file); sub(/\.h$/, "", file)}
			/^DA:/ && file {print file, $2, $3}'
}

unit=() fuzz=()
while read -r program; do
	name=$(basename "$program")
	case $name in
	fuzz_*)
		name=${name#fuzz_}
		make --no-print-directory "fuzz-seeds-$name" > /dev/null || exit 1
		mkdir -p "build/fuzz/$name.corpus"
		fuzz+=("$program")
		profiled fuzz "$program" -runs=0 "build/fuzz/$name.corpus" "build/fuzz/$name.seeds"
		;;
	*)
		unit+=("$program")
		profiled unit "$program"
		;;
	esac
done < "$out/programs"
if [ ${#unit[@]} -eq 0 ] || [ ${#fuzz[@]} -eq 0 ]; then
	echo "coverage: no programs were built, see '$out/build.log'"
	exit 1
fi
lines_of unit "${unit[@]}" > "$out/unit.lines" || exit 1
lines_of fuzz "${fuzz[@]}" > "$out/fuzz.lines" || exit 1

# One row a file; then the lines that one of them misses.
awk -v least="$least" -v classifier="$classifier" '
	function share(n, of) {
		return of ? 100 * n / of : 0
	}
	function row(name, n, u, f, b) {
		printf "%-16s %6d %7.1f %7.1f %7.1f\n", name, n, share(u, n), share(f, n), share(b, n)
	}
	function missed(file, kind,   line, text) {
		for (line = 1; line <= last[file]; line++)
			if ((file, line) in lines && !ran[kind, file, line])
				text = text " " line
		if (text)
			printf "  %s: not by %s:%s\n", file, kind, text
	}
	BEGIN {
		count = split(classifier, of_classifier)
		for (i = 1; i <= count; i++)
			is_classifier[of_classifier[i]] = 1
	}
	{
		kind = FILENAME ~ /unit/ ? "unit" : "fuzz"
		files[$1] = lines[$1, $2] = 1
		ran[kind, $1, $2] += $3
		if ($2 + 0 > last[$1])
			last[$1] = $2 + 0
	}
	END {
		printf "%-16s %6s %7s %7s %7s\n", "bpf/core", "lines", "unit %", "fuzz %", "both %"
		for (key in lines) {
			split(key, at, SUBSEP)
			n[at[1]]++
			u[at[1]] += ran["unit", at[1], at[2]] > 0
			f[at[1]] += ran["fuzz", at[1], at[2]] > 0
			b[at[1]] += ran["unit", at[1], at[2]] + ran["fuzz", at[1], at[2]] > 0
		}
		sort = "sort"
		for (file in files)
			if (!(file in is_classifier))
				printf "%-16s %6d %7.1f %7.1f %7.1f\n", file, n[file], share(u[file], n[file]),
					share(f[file], n[file]), share(b[file], n[file]) | sort
		close(sort)
		print "classifier:"
		for (i = 1; i <= count; i++) {
			file = of_classifier[i]
			row(file, n[file], u[file], f[file], b[file])
			all_n += n[file]; all_u += u[file]; all_f += f[file]; all_b += b[file]
		}
		row("all of it", all_n, all_u, all_f, all_b)
		for (i = 1; i <= count; i++) {
			missed(of_classifier[i], "unit")
			missed(of_classifier[i], "fuzz")
		}
		low = share(all_u, all_n) < least || share(all_f, all_n) < least
		printf "%s coverage: at least %d %% of the classifier\n", low ? "not ok" : "ok", least
		exit low
	}' "$out/unit.lines" "$out/fuzz.lines"
status=$?
tests/fuzz/summary.sh
[ $status -eq 0 ] && [ $failed -eq 0 ]
