#!/usr/bin/env bash
# Every linter over every tracked file: `ok NAME` or `not ok NAME` a linter, its findings above it.
# `make lint` builds the skeleton first, which the sources include.
#
# shellcheck disable=SC2317 # functions are called through lint()
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
export PYTHONPYCACHEPREFIX="$PWD/build/pycache"
failed=0

# Tracked files that are still there and match. In a checkout of another user (sudo) git wants to be
# told that the directory is meant; without git (a tarball) every file counts.
tracked()
{
	{
		git -c safe.directory="$PWD" ls-files -z -- "$@" 2> /dev/null ||
			find . -path ./build -prune -o -name "${1##*/}" -type f -print0
	} | while IFS= read -r -d '' file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# lint NAME COMMAND...: nothing printed and status 0 = ok.
lint()
{
	local name=$1 out status

	shift
	out=$("$@" 2>&1)
	status=$?
	if [ $status -eq 0 ]; then
		echo "ok lint: $name"
		return
	fi
	printf '%s\n' "$out"
	echo "not ok lint: $name"
	failed=1
}

mapfile -t c_files < <(tracked '*.c' '*.h')
mapfile -t userspace < <(tracked '*.c' | grep -v -e '^bpf/' -e '\.bpf\.c$')
mapfile -t python < <(tracked '*.py')
mapfile -t shell < <({ tracked '*.sh' && tracked '.ci/run'; } | sort -u)
mapfile -t manuals < <(tracked 'docs/*.[1-8]')
if [ ${#c_files[@]} -eq 0 ] || [ ${#python[@]} -eq 0 ]; then
	echo "not ok lint: no source found in '$PWD'"
	exit 1
fi

read -r -a packages < <(pkg-config --cflags libbpf libcyaml yaml-0.1 jansson libmicrohttpd libcap-ng \
	libsystemd)
native=(-std=gnu11 -D_GNU_SOURCE '-DSG_VERSION="lint"' -Ibuild/gen "${packages[@]}")
bpf=(-target bpf -O2 -mcpu=v3 "-I/usr/include/$(uname -m)-linux-gnu")

# clang-tidy wants the compiler's flags last; its own "N warnings generated" is no finding.
tidy()
{
	local flags=$1

	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	printf '%s\0' "$@" | TIDY_FLAGS=$flags xargs -0 -P "$(nproc)" -n 4 sh -c '
		eval "set -- \"\$@\" -- $TIDY_FLAGS"
		exec clang-tidy --quiet "$@" 2> /dev/null' tidy
}

# Findings only: groff and mandoc speak on standard error and still exit 0.
manual()
{
	local out

	out=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 > /dev/null; groff -ww -man -Tutf8 -z "$1" 2>&1)
	printf '%s' "$out"
	[ -z "$out" ]
}

# memleak, resourceLeak: cppcheck does not know __attribute__((cleanup)); ASan in the unit tests does.
# varFuncNullUB: NULL is a pointer here. legacyUninitvar: takes an array handed on for a value read.
# It reads no system headers, so it is told the macros that change how code is to be read.
cppcheck_all()
{
	local macros=build/lint/cppcheck.h

	mkdir -p build/lint
	cat > "$macros" <<-'END'
		#define LIBBPF_OPTS(type, name, ...) struct type name = {__VA_ARGS__}
		#define json_array_foreach(a, i, v) for (i = 0; (v = json_array_get(a, i)); i++)
		#define json_object_foreach(o, k, v) for (k = first(o), v = at(o, k); k; k = next(o, k), v = at(o, k))
	END
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j "$(nproc)" \
		--enable=warning,performance,portability --include="$macros" \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak \
		--suppress=varFuncNullUB --suppress=legacyUninitvar \
		-D_GNU_SOURCE '-DSG_VERSION="lint"' -D__x86_64__ "${userspace[@]}"
}

lint clang-format clang-format --dry-run -Werror "${c_files[@]}"
lint "clang-tidy (bpf)" tidy "${bpf[*]@Q}" bpf/scepguard.bpf.c
lint "clang-tidy (userspace, tests)" tidy "${native[*]@Q}" "${userspace[@]}"
lint cppcheck cppcheck_all
lint shellcheck shellcheck "${shell[@]}"
lint "python compiles" python3 -m py_compile "${python[@]}"
for page in "${manuals[@]}"; do
	lint "$page" manual "$page"
done
if [ -f docs/alerts.yml ]; then
	lint docs/alerts.yml promtool check rules docs/alerts.yml
fi
exit $failed
