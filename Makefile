# dmbox.  `make help` lists the targets; contract of each: README.md.
#
# Sources are found by pattern: a new module, program, sub-command or test is a
# new file and no line here.

ifeq ($(MAKECMDGOALS),run)
$(info make run: looking for packages, then building ...)
endif

CC       ?= gcc
B        ?= build
PREFIX   ?= /usr/local
CGIDIR   ?= $(PREFIX)/lib/cgi-bin
CONFIG   ?= $(PREFIX)/etc/dmbox.env
WEBDIR   ?= $(CGIDIR)/dmbox/inbox
# where the tick file lies; programs write it, the web server hands it out
TICKDIR  ?= $(WEBDIR)/tick
WEBUSER  ?= www-data
DESTDIR  ?=
WERROR   ?=
SAN      ?=
VERSION  := $(shell sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md 2>/dev/null | head -n 1)

HARDEN   := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE
OPT      ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -Ilib -I/usr/include/postgresql -I/usr/include/json-c \
            -DDMBOX_VERSION='"$(VERSION)"'
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch \
            -Wpointer-arith -Wformat=2 -Wundef -Wvla
ALLCFLAGS = -std=c11 $(OPT) $(WARN) $(WERROR) $(if $(SAN),$(SAN),$(HARDEN)) -pthread $(CFLAGS)
LDHARDEN  = $(if $(SAN),$(SAN),-pie -Wl,-z,relro,-z,now,-z,noexecstack) -Wl,--as-needed $(LDFLAGS)

LIBSRC   := $(wildcard lib/*/*.c lib/*/*/*.c)
LIBOBJ   := $(LIBSRC:%.c=$(B)/obj/%.o)
CGI      := $(patsubst cgi-bin/%.c,$(B)/cgi-bin/%.fcgi,$(wildcard cgi-bin/*.c))
PROGS    := $(CGI) $(if $(wildcard cron/poll.c),$(B)/dmbox-poll) $(if $(wildcard cli/dmbox.c),$(B)/dmbox)
SIM      := $(if $(wildcard tests/sim/*.c),$(if $(wildcard lib/extern/httpc.c),$(B)/sim/provider-sim))
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
CRASH    := $(if $(wildcard tests/crash/*.c),$(B)/crash/crashpoint.so $(B)/crash/load)
DBT      := $(patsubst tests/db/%.c,$(B)/db/%,$(wildcard tests/db/test_*.c))
LIBS_WEB := -lfcgi -lpq -ljson-c -lcrypto -ljwt -lseccomp
LIBS_NET := -lcurl $(LIBS_WEB)

.PHONY: all help deps run demo test check check-san check-mem fuzz fuzz-built replay-built lint cover mutants nightly bench readme-tables install bundle deb test-on test-deb test-pg test-bundle clean tests-built warnings FORCE
.DELETE_ON_ERROR:
# kept, but not as .SECONDARY: those are not made where what needs them looks new enough
.PRECIOUS: $(B)/obj/%.o

all: $(PROGS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

# the installation's PREFIX and TICKDIR are compiled into this, which is made again when they change
PREFIX_OBJ := $(B)/obj/lib/base/prefix.o
$(PREFIX_OBJ): CPPFLAGS += -DDMBOX_PREFIX='"$(PREFIX)"' -DDMBOX_TICKDIR='"$(TICKDIR)"'
$(PREFIX_OBJ): $(B)/prefix
$(B)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX) $(TICKDIR)' | cmp -s - $@ || echo '$(PREFIX) $(TICKDIR)' > $@
FORCE:

# thin: members are found by path, for base names repeat (model/conf.c, doctor/conf.c)
$(B)/libdmbox.a: $(LIBOBJ)
	@rm -f $@
	ar rcsT $@ $^

# webhook and inbox make no outgoing calls and link no libcurl
$(B)/cgi-bin/%.fcgi: $(B)/obj/cgi-bin/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(if $(filter webhook inbox,$*),$(LIBS_WEB),$(LIBS_NET))

$(B)/dmbox-poll: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cron/*.c)) $(B)/libdmbox.a
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

$(B)/dmbox: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cli/*.c)) $(B)/libdmbox.a
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

# the simulator with the sanitizers, where the compiler brings them: what it does wrong must
# not be taken for a provider's doing (and a use after free of its own was)
SIMSAN := $(shell echo 'int main(void){return 0;}' | $(CC) -fsanitize=address,undefined -x c -o /dev/null - \
	>/dev/null 2>&1 && echo -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/sim/*.c)): private ALLCFLAGS += $(SIMSAN)
$(B)/sim/provider-sim: private ALLCFLAGS += $(SIMSAN)
$(B)/sim/provider-sim: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/sim/*.c)) $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

$(B)/unit/test_graph $(B)/unit/test_receive: private LDHARDEN += -Wl,--wrap=sign_hmac_sha256
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ -lcmocka $(LIBS_NET)

$(B)/db/%: $(B)/obj/tests/db/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ -lcmocka $(LIBS_NET)

# what breaks programs from within is preloaded into them; it is no part of them
$(B)/crash/crashpoint.so: tests/crash/crashpoint.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=c11 -O1 -g $(WARN) $(WERROR) -fPIC -shared -pthread -o $@ $< -ldl

$(B)/crash/load: tests/crash/load.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) $(LDHARDEN) -o $@ $<

# load and limits for make bench; cold is used by a test, too
BENCH    := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

tests-built: all $(UNIT) $(DBT) $(SIM) $(CRASH) $(BENCH)

# what another compiler says of every source (CC=clang WERROR=-Werror); nothing is made of it
warnings:
	@printf '%s\0' $(wildcard lib/*/*.c lib/*/*/*.c cgi-bin/*.c cli/*.c cron/*.c tests/*/*.c) | xargs -0 -n 10 -P 2 \
		$(CC) $(CPPFLAGS) -DDMBOX_PREFIX='"$(PREFIX)"' -DDMBOX_TICKDIR='"$(TICKDIR)"' $(ALLCFLAGS) -fsyntax-only

# figures beside their limits, about 20 minutes (BENCH_MINUTES=30 at most); BENCH_ROUNDS=1
# BENCH_SECONDS=1 for a look
bench:
	@sh tests/stack/deps.sh
	+@$(MAKE) -s -j2 all $(SIM) $(BENCH)
	@exec env B='$(B)' bash tests/bench/run.sh

help:
	@sed -n 's/^| `\(make[^`]*\)`\(.*\) | \(.*\) |$$/\1\2: \3/p; s/^\(make [a-z]*\)  *# /\1: /p' README.md | tr -d '`'

deps:
	@sh tests/stack/deps.sh all
	@sh tests/stack/npm.sh '$(B)'

run:
	@sh tests/stack/deps.sh
	+@$(MAKE) -s -j2 all $(SIM)
# a script's background job has SIGINT ignored, and bash cannot trap what is ignored at its start
	@exec env --default-signal=INT,QUIT B='$(B)' bash tests/stack/run.sh

# make run with 80 made-up conversations (tests/demo), in var/demo
demo:
	@sh tests/stack/deps.sh
	+@$(MAKE) -s -j2 all $(SIM)
	@exec env --default-signal=INT,QUIT B='$(B)' DEMO=1 bash tests/stack/run.sh

# unit tests and house rules; no server
check: $(PROGS) $(UNIT)
	@B='$(B)' bash tests/run.sh check

test:
	@sh tests/stack/deps.sh test
	@sh tests/stack/npm.sh '$(B)'
	+@$(MAKE) -s -j2 tests-built replay-built
	@exec env B='$(B)' bash tests/run.sh

# the same tests under ASan and UBSan, and under valgrind, in build folders of their own
check-san: SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
check-san:
	+@$(MAKE) -s -j2 B=build-san SAN='$(SANFLAGS)' OPT='-O1 -g' tests-built
	@UBSAN_OPTIONS=print_stacktrace=1 B=build-san bash tests/run.sh check db

check-mem:
	+@$(MAKE) -s -j2 tests-built
	@B='$(B)' bash tests/run.sh mem

# libFuzzer with ASan and UBSan, FUZZ_SECONDS in all: tests/fuzz/run.sh
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
FUZZFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ -Wl,--as-needed $(LIBS_NET)

fuzz-built: $(FUZZ)

# the targets on their seeds alone, by any compiler
REPLAY   := $(patsubst tests/fuzz/%.c,$(B)/replay/%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/replay/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

replay-built: $(REPLAY)

fuzz:
	+@$(MAKE) -s -j2 B=build-fuzz CC=clang SAN='$(FUZZFLAGS)' OPT='-O1 -g' fuzz-built
	@B=build-fuzz bash tests/fuzz/run.sh $(FUZZ_SECONDS)

# Each promise broken by one line, in a copy of the tree: do the tests notice?  (half an hour)
mutants:
	+@bash tests/mutants/run.sh

# What takes too long for each change.
nightly:
	+@$(MAKE) -s mutants
	+@$(MAKE) -s check-mem
	+@$(MAKE) -s fuzz FUZZ_SECONDS=600

lint:
	@B='$(B)' bash tests/lint.sh

cover:
	+@$(MAKE) -s -j2 B=build-cov SAN=--coverage OPT='-O0 -g' tests-built replay-built
	@B=build-cov bash tests/run.sh cover

readme-tables:
	@sh tests/stack/readme-tables.sh $(B)

I        = $(DESTDIR)$(PREFIX)
C        = $(DESTDIR)$(CGIDIR)
FILL     = sed -e 's|@CGI@|$(CGIDIR)/dmbox|g' -e 's|@WEB@|$(WEBDIR)|g' -e 's|@TICK@|$(TICKDIR)|g' \
           -e 's|@RUN@|/run/lighttpd|g' -e 's|@CONFIG@|$(CONFIG)|g' \
           -e 's|@THREADS@|8|g' -e 's|@SHARE@|$(PREFIX)/share/dmbox|g' -e 's|@BIN@|$(PREFIX)/bin|g' \
           -e 's|@USER@|$(WEBUSER)|g' -e 's|@GROUP@|$(WEBUSER)|g' -e 's|@LOG@|access_log off;|g'
# the programs behind nginx have a folder for their sockets of their own
FILLNGINX = $(subst /run/lighttpd,/run/dmbox,$(FILL))

# Copies, 0755, no links: suexec runs nothing else.  No other file of the site is
# touched; an .htaccess that is not ours stops the installation before its first file.
install: all
	@for d in instagram whatsapp dmbox; do f='$(C)'/$$d/.htaccess; \
	  [ ! -e "$$f" ] || grep -q '^# dmbox on shared hosting' "$$f" || \
	  { echo "make install: $$f is there and not dmbox's: move it away first" >&2; exit 1; }; \
	  [ -e "$$f" ] || [ -z "$$(ls -A '$(C)'/$$d 2>/dev/null)" ] || \
	  { echo "make install: $(C)/$$d has files of your site, which dmbox would take over: move them away" >&2; exit 1; }; done
	install -d '$(I)/bin' '$(I)/etc' '$(I)/share/dmbox/sql/code' '$(C)/dmbox' '$(C)/instagram' '$(C)/whatsapp'
	install -m 755 $(B)/dmbox $(B)/dmbox-poll '$(I)/bin/'
	install -m 755 $(CGI) '$(C)/dmbox/'
	install -m 644 sql/*.sql '$(I)/share/dmbox/sql/'
	install -m 644 sql/code/*.sql '$(I)/share/dmbox/sql/code/'
	$(FILL) dmbox.env.example >'$(I)/etc/dmbox.env.example' && chmod 644 '$(I)/etc/dmbox.env.example'
	for f in apache/dmbox.conf apache/lighttpd.conf cron/dmbox.crontab; do \
	  $(FILL) $$f >'$(I)/share/dmbox/'$${f##*/} && chmod 644 '$(I)/share/dmbox/'$${f##*/} || exit 1; done
	$(FILLNGINX) nginx/dmbox.conf >'$(I)/share/dmbox/nginx.conf' && chmod 644 '$(I)/share/dmbox/nginx.conf'
	$(FILLNGINX) nginx/dmbox-fcgi >'$(I)/share/dmbox/dmbox-fcgi' && chmod 755 '$(I)/share/dmbox/dmbox-fcgi'
	install -d '$(I)/share/dmbox/systemd'
	for f in nginx/systemd/*; do \
	  $(FILLNGINX) $$f >'$(I)/share/dmbox/systemd/'$${f##*/} && chmod 644 '$(I)/share/dmbox/systemd/'$${f##*/} || exit 1; done
	for d in instagram whatsapp; do install -m 644 apache/htaccess '$(C)/'$$d/.htaccess || exit 1; done
	$(FILL) apache/htaccess-programs >'$(C)/dmbox/.htaccess' && chmod 644 '$(C)/dmbox/.htaccess'
	if [ -d web ]; then install -d '$(C)/dmbox/inbox' && cp -R web/. '$(C)/dmbox/inbox/' && \
	  chmod -R u=rwX,go=rX '$(C)/dmbox/inbox'; fi
	# the web user, who is the cron user, too, writes there
	[ "$$(id -u)" != 0 ] || [ -n '$(DESTDIR)' ] || chown '$(WEBUSER)' '$(C)/dmbox/inbox/tick' 2>/dev/null || :
	install -d '$(I)/share/bash-completion/completions'
	install -m 644 completion/dmbox.bash '$(I)/share/bash-completion/completions/dmbox'
	install -d '$(I)/share/zsh/site-functions' '$(I)/share/fish/vendor_completions.d'
	install -m 644 completion/_dmbox '$(I)/share/zsh/site-functions/_dmbox'
	install -m 644 completion/dmbox.fish '$(I)/share/fish/vendor_completions.d/dmbox.fish'
	for f in man/*.[1-9]; do [ -e "$$f" ] || continue; s=$${f##*.}; \
	  install -d '$(I)/share/man/man'$$s && install -m 644 $$f '$(I)/share/man/man'$$s/ || exit 1; done

# another Debian, in a root folder made by debootstrap: bookworm, trixie, sid, bullseye
SUITE ?= trixie
test-on:
	@B='$(B)' bash tests/matrix/run.sh '$(SUITE)'

# the Debian package, for the system that it is built on; test-deb: install, upgrade and
# purge it in a root folder of SUITE
deb:
	@sh tests/matrix/deb-build.sh '$(B)' '$(VERSION)'
test-deb:
	@B='$(B)' bash tests/matrix/run.sh '$(SUITE)' deb

# the same database tests on PostgreSQL 13, 15, 17 and 18, which these suites have
test-pg:
	@rc=0; for s in $(if $(filter command line,$(origin SUITE)),$(SUITE),bullseye bookworm trixie sid); do \
	  B='$(B)' bash tests/matrix/run.sh $$s pg || rc=1; done; exit $$rc

# the bundle: twice the same bytes, a root with nothing but busybox, a Debian 11
test-bundle: tests-built
	@B='$(B)' sh tests/matrix/same.sh
	@B='$(B)' ONLY=07-bundle bash tests/run.sh e2e
	@B='$(B)' bash tests/matrix/run.sh bullseye

# programs, libraries and loader in one tarball, for hosts without a compiler
bundle: all
	+@sh bundle/build.sh '$(B)' '$(VERSION)'

clean:
	rm -rf $(B) build-san build-cov build-fuzz build-clang build-gcc

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d $(B)/obj/*/*/*/*.d)
