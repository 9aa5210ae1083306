# scepguard: the only build entry. `make help` lists the targets; everything built lies below build/.
.DEFAULT_GOAL := all

PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/scepguard
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc

CC        ?= cc
# Both clang 14 (Debian 12) and clang 19 build the BPF object; `make bpf-clang-19` proves the other.
BPF_CLANG ?= $(firstword $(shell command -v clang-14 clang clang-19 2>/dev/null))
BPFTOOL   ?= $(firstword $(shell command -v bpftool 2>/dev/null) /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config

VERSION := $(shell cat VERSION)
PACKAGES := libbpf libcyaml yaml-0.1 jansson libmicrohttpd libpcap libcap-ng libsystemd
WARNINGS := -Wall -Wextra -Werror
CPPFLAGS += -D_GNU_SOURCE -DSG_VERSION='"$(VERSION)"' -Ibuild/gen
CFLAGS   ?= -O2 -g
LDLIBS   += $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lpthread
PKGFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -MMD -MP
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 $(WARNINGS) -I/usr/include/$(shell uname -m)-linux-gnu
BPF_SOURCES := $(wildcard bpf/*.c bpf/*.h bpf/*/*.h)
BPF_OBJECT := build/bpf/scepguard.bpf.o
SKELETON := build/gen/scepguard.skel.h

SOURCES := $(wildcard userspace/*/*.c)
OBJECTS := $(SOURCES:%.c=build/obj/%.o)
TEST_SOURCES := $(wildcard tests/unit/test_*.c)
TEST_NAMES := $(TEST_SOURCES:tests/unit/%.c=%)
TEST_PROGRAMS := $(TEST_NAMES:%=build/unit/%)
# Native code under test, with sanitizers.
ASAN_OBJECTS := $(SOURCES:%.c=build/asan/%.o)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
endif

.PHONY: all help bpf bpf-clang-19 test check demo bench soak lint format install uninstall clean deps

all: build/scepguard ## build build/scepguard (no root)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what is missing (apt, needs root)
	$(Q)scripts/install-deps.sh

bpf: $(BPF_OBJECT) ## build the BPF object only

bpf-clang-19: ## build the BPF object with clang 19 as well
	$(Q)mkdir -p build/bpf
	$(say) CLANG-19 build/bpf/scepguard-clang19.bpf.o
	$(Q)clang-19 $(BPF_CFLAGS) -c bpf/scepguard.bpf.c -o build/bpf/scepguard-clang19.bpf.o

$(BPF_OBJECT): $(BPF_SOURCES)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c bpf/scepguard.bpf.c -o $@

$(SKELETON): $(BPF_OBJECT)
	$(say) SKEL $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name scepguard_bpf > $@.new && mv $@.new $@

build/obj/%.o: %.c | $(SKELETON)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

build/asan/%.o: %.c | $(SKELETON)
	$(say) CC+SAN $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -c $< -o $@

build/obj/userspace/guard/guard_load.o build/asan/userspace/guard/guard_load.o: $(SKELETON)

build/scepguard: $(OBJECTS) build/obj/userspace/main.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

build/libscepguard-asan.a: $(ASAN_OBJECTS)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

build/unit/test_%: build/asan/tests/unit/test_%.o build/libscepguard-asan.a
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $< build/libscepguard-asan.a $(LDLIBS) -lcmocka

test: $(TEST_PROGRAMS) ## unit tests with ASan and UBSan (no root)
	$(Q)scripts/run-unit.sh $(TEST_PROGRAMS)

check: ## install, build and run every test (root)
	$(Q)scripts/check.sh

demo: ## show it on real traffic, in namespaces (root, under 4 minutes)
	$(Q)scripts/demo.sh

soak: ## the long versions of the tests (root)
	$(Q)SG_SOAK=1 scripts/check.sh

bench: ## what it costs, beside others, 20 minutes on an idle machine (root)
	$(Q)$(MAKE) --no-print-directory bench-verifier bench-program bench-loop bench-path

C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)

format: ## clang-format everything
	$(Q)clang-format -i $(C_FILES)

lint: $(SKELETON) ## clang-format, clang-tidy, cppcheck, shellcheck
	$(Q)scripts/lint.sh

install: all ## install below DESTDIR and PREFIX
	install -D -m 0755 build/scepguard $(DESTDIR)$(SBINDIR)/scepguard
	install -D -m 0644 docs/scepguard.8 $(DESTDIR)$(MANDIR)/man8/scepguard.8
	install -D -m 0644 docs/scepguard.yaml.5 $(DESTDIR)$(MANDIR)/man5/scepguard.yaml.5
	install -D -m 0644 docs/scepguard.example.yaml $(DESTDIR)$(DOCDIR)/scepguard.example.yaml
	install -D -m 0644 README.md $(DESTDIR)$(DOCDIR)/README.md
	install -D -m 0644 LICENSE $(DESTDIR)$(DOCDIR)/LICENSE
	install -d -m 0755 $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|g' packaging/scepguard.service > $(DESTDIR)$(UNITDIR)/scepguard.service

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/scepguard $(DESTDIR)$(MANDIR)/man8/scepguard.8 \
	      $(DESTDIR)$(MANDIR)/man5/scepguard.yaml.5 $(DESTDIR)$(UNITDIR)/scepguard.service
	rm -rf $(DESTDIR)$(DOCDIR)

clean: ## remove build/
	rm -rf build

-include $(wildcard tests/*/*.mk)
-include $(shell find build -name '*.d' 2>/dev/null)
.SECONDARY:
