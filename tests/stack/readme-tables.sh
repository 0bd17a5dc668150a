#!/bin/sh
# make readme-tables: what tests and make bench have measured, into the marked blocks
# of docs/measured.md and docs/measured.ru.md:
#
#	<!-- crash-table -->    build/crash.md    made by tests/run.sh crash
#	<!-- doctor-table -->   build/doctor.md   made by tests/run.sh doctor
#	<!-- bench-table -->    build/bench.md    made by make bench
#	<!-- matrix-table -->   build/matrix/*.row   made by make test-on
#	<!-- servers-table -->  build/servers.md  made by tests/run.sh doctor (docs/doctor.md)
#	<!-- inbox-table -->    build/inbox.md    made by the browser tests (tests/run.sh e2e)
#	<!-- why-table -->      build/why.md      made by tests/run.sh e2e (docs/doctor.md)
#	<!-- /... -->           ends a block
#
# A block whose file is not there stays as it is: no number is invented.
cd "$(dirname "$0")/../.." || exit 1
b=${1:-build}

lead() {	# TABLE FILE: heading and sentence
	case $1-${2%.md} in
	*-doctor) ;;
	crash-measured) printf '### What was broken\n\n%s\n\n' "Faults injected and survived, as counted by [tests/crash](../tests/crash/99-table)." ;;
	crash-*) printf '### Что ломали\n\n%s\n\n' "Внесённые и пережитые сбои, посчитаны тестами [tests/crash](../tests/crash/99-table)." ;;
	doctor-measured) printf '### What doctor finds\n\n%s\n\n' "Ways to break a working stack; each time the first failure was the expected one." ;;
	doctor-*) printf '### Что находит doctor\n\n%s\n\n' "Способы сломать работающий мост; первым каждый раз назван ожидаемый сбой." ;;
	inbox-measured) printf '### The inbox page\n\n%s\n\n' "In chromium, by [tests/e2e/91 to 99](../tests/e2e/99-numbers): each number beside what it must be. *Page alone*: on a server that only speaks its interface. Times are of a machine that had other work; counts are asserted." ;;
	inbox-*) printf '### Страница переписки\n\n%s\n\n' "В chromium, тестами [tests/e2e/91–99](../tests/e2e/99-numbers): каждое число рядом с требуемым. *Page alone* — на сервере, который знает только интерфейс страницы. Время — с машины, занятой и другим; проверяются количества." ;;
	bench-measured) printf '### How fast\n\n%s\n\n' "As \`make bench\` printed it, each figure beside what limits it." ;;
	bench-*) printf '### Скорость\n\n%s\n\n' "Как напечатал \`make bench\`; рядом с каждым числом то, что его ограничивает." ;;
	esac
}

lead_matrix() {
	case ${1%.md} in
	measured) printf '| Debian | what | with | passed |\n|---|---|---|---:|\n' ;;
	*) printf '| Debian | что | с чем | успешно |\n|---|---|---|---:|\n' ;;
	esac
}

for f in docs/measured.md docs/measured.ru.md docs/doctor.md; do
	cp "$f" "$b/readme.new" || exit 1
	for t in crash doctor bench servers why inbox; do
		[ -s "$b/$t.md" ] || continue
		{ lead "$t" "${f##*/}"; cat "$b/$t.md"; echo; } >"$b/readme.part"
		awk -v mark="$t-table" -v from="$b/readme.part" '
		$0 == "<!-- " mark " -->" { print; while ((getline l < from) > 0) print l; skip = 1; next }
		$0 == "<!-- /" mark " -->" { skip = 0 }
		!skip' "$b/readme.new" >"$b/readme.next" && mv "$b/readme.next" "$b/readme.new" || exit 1
	done
	if ls "$b"/matrix/*.row >/dev/null 2>&1; then
		{ lead_matrix "${f##*/}"; cat "$b"/matrix/*.row; } >"$b/readme.part"
		awk -v mark=matrix-table -v from="$b/readme.part" '
		$0 == "<!-- " mark " -->" { print; while ((getline l < from) > 0) print l; skip = 1; next }
		$0 == "<!-- /" mark " -->" { skip = 0 }
		!skip' "$b/readme.new" >"$b/readme.next" && mv "$b/readme.next" "$b/readme.new" || exit 1
	fi
	cmp -s "$f" "$b/readme.new" || { cat "$b/readme.new" >"$f" && echo "$f: tables filled"; }
done
rm -f "$b/readme.new" "$b/readme.part"
