# dmbox.  `make help` lists the targets; contract of each: README.md.
#
# Sources are found by pattern: a new module, program, sub-command or test is a
# new file and no line here.

CC       ?= gcc
B        ?= build
PREFIX   ?= /usr/local
CGIDIR   ?= $(PREFIX)/lib/cgi-bin
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

LIBSRC   := $(wildcard lib/*.c)
LIBOBJ   := $(LIBSRC:%.c=$(B)/obj/%.o)
CGI      := $(patsubst cgi-bin/%.c,$(B)/cgi-bin/%.fcgi,$(wildcard cgi-bin/*.c))
PROGS    := $(CGI) $(if $(wildcard cron/poll.c),$(B)/dmbox-poll) $(if $(wildcard cli/dmbox.c),$(B)/dmbox)
SIM      := $(if $(wildcard tests/sim/*.c),$(if $(wildcard lib/httpc.c),$(B)/sim/provider-sim))
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
DBT      := $(patsubst tests/db/%.c,$(B)/db/%,$(wildcard tests/db/test_*.c))
LIBS_WEB := -lfcgi -lpq -ljson-c -lcrypto -ljwt -ljansson -lseccomp
LIBS_NET := -lcurl $(LIBS_WEB)

.PHONY: all help deps run test check check-san check-mem fuzz lint cover bench install clean tests-built
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

# the installation's PREFIX is compiled into conf.o, which is made anew when it changes
$(B)/obj/lib/conf.o $(B)/obj/cli/cmd_migrate.o: CPPFLAGS += -DDMBOX_PREFIX='"$(PREFIX)"'
$(B)/obj/lib/conf.o $(B)/obj/cli/cmd_migrate.o: $(B)/prefix
$(B)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' > $@
FORCE:

$(B)/libdmbox.a: $(LIBOBJ)
	@rm -f $@
	ar rcs $@ $^

# webhook, inbox and status make no outgoing calls and link no libcurl
$(B)/cgi-bin/%.fcgi: $(B)/obj/cgi-bin/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(if $(filter webhook inbox,$*),$(LIBS_WEB),$(LIBS_NET))

$(B)/dmbox-poll: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cron/*.c)) $(B)/libdmbox.a
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

$(B)/dmbox: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cli/*.c)) $(B)/libdmbox.a
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

$(B)/sim/provider-sim: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/sim/*.c)) $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ $(LIBS_NET)

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ -lcmocka $(LIBS_NET)

$(B)/db/%: $(B)/obj/tests/db/%.o $(B)/libdmbox.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDHARDEN) -o $@ $^ -lcmocka $(LIBS_NET)

tests-built: all $(UNIT) $(DBT) $(SIM)

deps:
	@sh tests/stack/deps.sh

run:
	@sh tests/stack/deps.sh
	+@$(MAKE) -s -j2 all $(SIM)
	@B='$(B)' bash tests/stack/run.sh

# unit tests and house rules; no server
check: $(UNIT)
	@sh tests/check/run.sh $(B)

test:
	@bash tests/run.sh

clean:
	rm -rf $(B)

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d)
