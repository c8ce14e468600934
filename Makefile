# make            build build/mailcheck
# make demo       install what is missing, build, clean data/sample.csv in a private network
# make check      install what is missing, all tests, plain and under sanitizers
# make install    PREFIX (/usr/local), DESTDIR; make uninstall
# make dist deb   a tarball of the last commit, Debian packages, under build/
# See README.md; the map of the source is src/README.md.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
# below PREFIX
LIBDIR   ?= lib
CC       ?= cc
V        ?= release
B        := build/$(V)

# libcsv, libunistring and the header-only libxxhash have no (or no needed) .pc file in Debian 12
LIB_PKGS := libevent_core libcares libidn2 openssl sqlite3
PKGS     := $(LIB_PKGS) jansson zlib
LIBS     := $(shell pkg-config --libs $(LIB_PKGS) 2>/dev/null) -lunistring
# what only the program needs
CLI_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lunistring -lcsv -lhttp_parser

CFLAGS   ?= -O2 -g
# What speaks to strangers is hardened (1% more instructions a row); HARDEN= leaves that out.
HARDEN   ?= -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDFLAGS  += -Wl,-z,relro -Wl,-z,now
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wswitch-enum
ifdef CI
WARNINGS += -Werror
endif
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DMC_VERSION='"$(VERSION)"' -Isrc -Iinclude -I$(B)/gen \
	$(WARNINGS) -fvisibility=hidden -MMD -MP $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
ifneq ($(V),asan)
ALL_CFLAGS += $(HARDEN)
else
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
endif

ROOMS    := base loop address lists verdict mx smtp store engine
LIB_SRC  := $(foreach room,$(ROOMS),$(sort $(wildcard src/$(room)/*.c)))
CLI_SRC  := $(filter-out $(LIB_SRC),$(sort $(wildcard src/*/*.c)))
LIB_OBJ  := $(LIB_SRC:src/%.c=$(B)/src/%.o)
CLI_OBJ  := $(CLI_SRC:src/%.c=$(B)/src/%.o)
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
SERVERS  := $(patsubst tests/servers/%.c,$(B)/tests/servers/%,$(sort $(wildcard tests/servers/*.c)))

.PHONY: all
all: build/mailcheck

# An option that the manual or a completion does not know ends the build.
ifeq ($(V),release)
all: $(B)/docs.checked
endif
$(B)/docs.checked: $(B)/mailcheck $(wildcard data/man/*) tests/check_docs.sh
	@tests/check_docs.sh
	@touch $@

build/mailcheck: $(B)/mailcheck
	@ln -sfn $(V)/mailcheck $@

$(B)/mailcheck: $(B)/src/main.o $(CLI_OBJ) $(B)/libmailcheck.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

$(B)/libmailcheck.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

# The library for other programs. Only what the header names is visible, with a version.
SO_NAME  := libmailcheck.so.0
SHARED   := $(B)/libmailcheck.so.$(VERSION)
$(LIB_OBJ): ALL_CFLAGS += -fPIC
$(LIB_OBJ): data/libmailcheck.map
$(SHARED): $(LIB_OBJ) data/libmailcheck.map
	$(CC) $(LDFLAGS) -shared -Wl,-soname,$(SO_NAME) -Wl,--version-script,data/libmailcheck.map \
		-o $@ $(LIB_OBJ) $(LIBS)

COMPLETE := $(foreach shell,bash zsh fish,$(B)/completions/$(shell))
$(COMPLETE): $(B)/completions/%: $(B)/mailcheck
	@mkdir -p $(@D)
	$(B)/mailcheck --print-completion $* >$@.new
	@mv $@.new $@
$(B)/libmailcheck.pc: data/libmailcheck.pc.in FORCE
	@sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@PKGS@|$(LIB_PKGS)|' $< >$@
UNITS := $(addprefix $(B)/systemd/,$(notdir $(wildcard data/systemd/*)))
$(UNITS): $(B)/systemd/%: data/systemd/% FORCE
	@mkdir -p $(@D)
	@sed 's|/usr/local/bin|$(PREFIX)/bin|' $< >$@
.PHONY: FORCE
FORCE:

# Tables that are compiled in are made from data/ by small programs beside the data. Each line:
# the generated file, its maker, what it reads.
define generated
$(B)/gen/$(1): $(B)/gen/$(basename $(notdir $(2))) $(3)
	$(B)/gen/$(basename $(notdir $(2))) $(3) >$$@.new
	@mv $$@.new $$@
$(B)/gen/$(basename $(notdir $(2))): $(2)
	@mkdir -p $$(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O1 $(WARNINGS) -o $$@ $(2) $(4)
GENERATED += $(B)/gen/$(1)
endef

$(eval $(call generated,reply_tables.inc,data/compile_replies.c,$(sort $(wildcard data/replies/*.tsv))))

$(eval $(call generated,lists_tables.h,data/compile_lists.c,$(sort $(wildcard data/lists/*.txt data/lists/*.tsv)),\
	-Isrc src/lists/list_file.c src/base/text.c src/base/memory.c src/base/duration.c -lidn2 -lunistring))
$(B)/gen/compile_lists: src/lists/list_file.c $(wildcard src/lists/*.h src/base/*.h)

$(eval $(call generated,serve_pages.inc,data/compile_pages.c,data/serve/page.html data/serve/openapi.json))

$(LIB_OBJ) $(CLI_OBJ) $(B)/src/main.o: | $(GENERATED)
$(B)/src/http/service_pages.o: $(B)/gen/serve_pages.inc

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Unit tests: one program a tests/unit/test_*.c, linked with every room.
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(CLI_OBJ) $(B)/libmailcheck.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CLI_LIBS) -lcmocka

# Those named test_sim_* run in virtual time: tests/sim/*.c defines the whole of loop/loop.h and
# loop/stream.h, so the real ones stay in the archive.
SIM_OBJ  := $(patsubst tests/sim/%.c,$(B)/tests/sim/%.o,$(sort $(wildcard tests/sim/*.c)))
$(filter $(B)/tests/unit/test_sim_%,$(UNIT)): %: %.o $(SIM_OBJ) $(CLI_OBJ) $(B)/libmailcheck.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CLI_LIBS) -lcmocka

# Scripted servers and other helpers of the tests: one program a file, nothing of src/ in them.
$(B)/tests/servers/%: tests/servers/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/servers $(LDFLAGS) -o $@ $(filter %.c,$^) $(SERVER_LIBS)
$(B)/tests/servers/mock_mx: $(wildcard tests/servers/mock_mx/*.[ch])
SERVER_LIBS := $(shell pkg-config --libs openssl 2>/dev/null)

.PHONY: units servers
units: $(UNIT)
servers: $(SERVERS)

# What runs a fuzzer over its corpus, or over any files, without libFuzzer.
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz_main.o $(CLI_OBJ) $(B)/libmailcheck.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

# Anchors of the bench: bare programs that do only the unavoidable part.
BENCH    := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(sort $(wildcard tests/bench/*.c)))
$(B)/tests/bench/fill_store: $(B)/tests/bench/fill_store.o $(B)/libmailcheck.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)
$(B)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< -lcsv -lcares -lm

# Everything the tests run, of one variant (V).
.PHONY: testees deps check demo
testees: $(B)/mailcheck $(SHARED) $(COMPLETE) $(UNIT) $(SERVERS) $(FUZZ) $(BENCH)

deps:
	@tests/deps.sh build

# The number of tests at the end counts; see tests/run.sh.
check:
	@tests/deps.sh check
	@$(MAKE) --no-print-directory -j$$(nproc) V=release testees >build/make-release.log 2>&1 || \
		{ cat build/make-release.log; exit 1; }
	@$(MAKE) --no-print-directory -j$$(nproc) V=asan testees >build/make-asan.log 2>&1 || \
		{ cat build/make-asan.log; exit 1; }
	@tests/run.sh

# The same, and what takes longer: 200 kills.
.PHONY: check-long
check-long: check
	@KILLS=200 MAILCHECK=$(CURDIR)/build/release/mailcheck tests/world/run -s nsd,mx tests/e2e/killed.sh

demo:
	@tests/deps.sh demo
	@mkdir -p build
	@[ -e build/mailcheck ] || echo "Building (half a minute on two cores)..."
	@$(MAKE) --no-print-directory -j$$(nproc) all servers >build/make-demo.log 2>&1 || \
		{ cat build/make-demo.log; exit 1; }
	@tests/world/demo

# PARTS="dns memory": those files of tests/bench/parts alone.
.PHONY: bench bench-smoke
bench bench-smoke:
	@tests/deps.sh bench
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/mailcheck $(SERVERS) $(BENCH)
	@tests/bench/run.sh $(if $(filter bench-smoke,$@),smoke,full) $(PARTS)

# What is installed, once: mode, from, to.
PROGRAM_FILES := \
	755:$(B)/mailcheck:bin/mailcheck \
	644:data/man/mailcheck.1:share/man/man1/mailcheck.1 \
	644:data/man/mailcheck.conf.5:share/man/man5/mailcheck.conf.5 \
	644:$(B)/completions/bash:share/bash-completion/completions/mailcheck \
	644:$(B)/completions/zsh:share/zsh/site-functions/_mailcheck \
	644:$(B)/completions/fish:share/fish/vendor_completions.d/mailcheck.fish \
	644:data/report.schema.json:share/mailcheck/report.schema.json \
	$(foreach example,signup.html nginx.conf check_over_http.sh,\
		644:data/examples/$(example):share/doc/mailcheck/examples/$(example)) \
	$(foreach unit,$(UNITS),644:$(unit):lib/systemd/system/$(notdir $(unit)))
LIBRARY_FILES := \
	644:include/mailcheck.h:include/mailcheck.h \
	644:include/mailcheck_event.h:include/mailcheck_event.h \
	644:$(B)/libmailcheck.a:$(LIBDIR)/libmailcheck.a \
	755:$(SHARED):$(LIBDIR)/libmailcheck.so.$(VERSION) \
	644:$(B)/libmailcheck.pc:$(LIBDIR)/pkgconfig/libmailcheck.pc \
	$(foreach example,check poll_loop libevent_loop,\
		644:data/examples/$(example).c:share/doc/mailcheck/examples/$(example).c)
LIBRARY_LINKS := $(LIBDIR)/$(SO_NAME) $(LIBDIR)/libmailcheck.so
part = $(word $(1),$(subst :, ,$(2)))
install_one = install -D -m $(call part,1,$(1)) $(call part,2,$(1)) \
	$(DESTDIR)$(PREFIX)/$(call part,3,$(1)) &&

.PHONY: install install-program install-library uninstall dist deb screenshot
install-program: $(B)/mailcheck $(COMPLETE) $(UNITS)
	@$(foreach file,$(PROGRAM_FILES),$(call install_one,$(file))) true

install-library: $(B)/libmailcheck.a $(SHARED) $(B)/libmailcheck.pc
	@$(foreach file,$(LIBRARY_FILES),$(call install_one,$(file))) true
	@for link in $(LIBRARY_LINKS); do \
		ln -sf libmailcheck.so.$(VERSION) $(DESTDIR)$(PREFIX)/$$link || exit 1; done

install: install-program install-library

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(LIBRARY_LINKS) \
		$(foreach file,$(PROGRAM_FILES) $(LIBRARY_FILES),$(call part,3,$(file))))
	@for folder in share/doc/mailcheck/examples share/doc/mailcheck share/mailcheck; do \
		rmdir $(DESTDIR)$(PREFIX)/$$folder 2>/dev/null || true; done

# From a tarball, where there is no history, all that lies beside build/.
dist:
	@mkdir -p build
	@if [ -e .git ]; then git archive --format=tar --prefix=mailcheck-$(VERSION)/ HEAD; else \
		tar -c --exclude=./build --sort=name --owner=0 --group=0 --numeric-owner \
			--transform 's|^\.|mailcheck-$(VERSION)|' .; fi | \
		gzip -9n >build/mailcheck-$(VERSION).tar.gz

deb:
	@data/debian/build $(VERSION)

# The picture in README.md: the report of `make demo`, in a browser without a window.
screenshot: demo
	HEIGHT=1240 python3 tests/e2e/browser.py "$$(command -v chromium)" --shot data/report.png \
		build/demo/report.html

.PHONY: clean
clean:
	rm -rf build/release build/asan build/mailcheck build/deb build/*.deb build/*.tar.gz

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
