# thrum: the whole build. `make help` lists the one-liners.
#
# One folder per kind of build below build/: release (the default), asan, tsan, fuzz. The two programs
# of the release build are also found as build/thrumd and build/thrum.

MODE ?= release
CC   ?= gcc
B    := build/$(MODE)

VERSION := 0.1.0

# ---------------------------------------------------------------- flags
LIBS     := -lssl -lcrypto -lsodium -lrocksdb -lsqlite3 -linih -lpthread -lm

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef \
            -Wformat=2 -Wvla -Werror
CPPFLAGS := -Isrc -D_GNU_SOURCE -DTHRUM_VERSION='"$(VERSION)"'
CFLAGS   := -std=c11 -g -fno-omit-frame-pointer -fstack-protector-strong $(WARNINGS)
LDFLAGS  :=

ifeq ($(MODE),release)
  CFLAGS  += -O2
  LDFLAGS += -Wl,-z,relro,-z,now
  LIBS    += -ljemalloc
else ifeq ($(MODE),asan)
  CFLAGS   += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
  CPPFLAGS += -DTHRUM_SLOW_ASSERTS
  LDFLAGS  += -fsanitize=address,undefined
else ifeq ($(MODE),tsan)
  CFLAGS   += -O1 -fsanitize=thread
  CPPFLAGS += -DTHRUM_SLOW_ASSERTS
  LDFLAGS  += -fsanitize=thread
else ifeq ($(MODE),fuzz)
  CC       := clang
  CFLAGS   += -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
  CPPFLAGS += -DTHRUM_SLOW_ASSERTS
  LDFLAGS  += -fsanitize=address,undefined
else
  $(error MODE is one of release, asan, tsan, fuzz)
endif

# ---------------------------------------------------------------- what is built from what
MAINS      := src/server/main.c src/cli/main.c
SOURCES    := $(filter-out $(MAINS),$(sort $(wildcard src/*/*.c)))
OBJECTS    := $(SOURCES:src/%.c=$(B)/src/%.o)
LIBRARY    := $(B)/libthrum.a
TEST_LIB   := $(patsubst test/lib/%.c,$(B)/test/lib/%.o,$(wildcard test/lib/*.c))
UNIT       := $(sort $(wildcard test/unit/*/*_test.c))
UNIT_BIN   := $(UNIT:test/unit/%.c=$(B)/unit/%)
FUZZ       := $(sort $(wildcard test/fuzz/*_fuzz.c))
FUZZ_BIN   := $(FUZZ:test/fuzz/%.c=$(B)/fuzz/%)

.DEFAULT_GOAL := all
.PHONY: all help deps run test check asan tsan fuzz fuzz-run scenario durability bench tidy tidy-selftest docs docs-check fmt clean programs ws-echo

all: programs ## build thrumd and thrum
programs: $(B)/thrumd $(B)/thrum
	@mkdir -p build
	@if [ "$(MODE)" = release ]; then ln -sf release/thrumd build/thrumd; ln -sf release/thrum build/thrum; fi

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(B)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/test/lib/%.o: test/lib/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itest $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(B)/thrumd: $(B)/src/server/main.o $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/thrum: $(B)/src/cli/main.o $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

ws-echo: $(B)/ws-echo ## a WebSocket server that sends back what it gets: build/ws-echo PORT
	@mkdir -p build
	@if [ "$(MODE)" = release ]; then ln -sf release/ws-echo build/ws-echo; fi

$(B)/ws-echo: tools/ws-echo/main.c $(LIBRARY)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

$(B)/unit/%: test/unit/%.c $(LIBRARY) $(TEST_LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itest $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(TEST_LIB) $(LIBRARY) $(LIBS) \
	    -lcmocka -ljansson -lhttp_parser

$(B)/fuzz/%: test/fuzz/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itest $(CFLAGS) -fsanitize=fuzzer -MMD -MP $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

-include $(OBJECTS:.o=.d) $(UNIT_BIN:=.d) $(FUZZ_BIN:=.d) $(TEST_LIB:.o=.d) $(B)/src/server/main.d $(B)/src/cli/main.d \
    $(B)/ws-echo.d

# Keep what was built on the way to a test.
.SECONDARY:

# ---------------------------------------------------------------- tests
# Each part ends with "N passed, N failed"; test/run-all adds the parts up.
RECURSE := $(MAKE) --no-print-directory
# Those of a list of paths that contain the word T; all when there is no T.
WITH_T   = $(if $(T),$(foreach path,$(1),$(if $(findstring $(T),$(path)),$(path))),$(1))

test: ## everything; PARTS="unit fuzz" for some parts (test/run-all --help lists them)
	+@MAKE="$(MAKE)" test/run-all $(PARTS)

check: $(call WITH_T,$(UNIT_BIN)) ## unit tests; T=mqtt_read runs those whose path contains the word
	@test/run-unit $(B)/unit $(T)

asan: ## unit tests with the address and undefined-behaviour sanitizers; T=word
	+@$(RECURSE) MODE=asan check

tsan: ## unit tests with the thread sanitizer; T=word
	+@TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/test/tsan.supp" $(RECURSE) MODE=tsan check

fuzz: ## fuzz every codec for SECONDS=10 each; T=word
	+@$(RECURSE) MODE=fuzz fuzz-run

fuzz-run: $(call WITH_T,$(FUZZ_BIN))
	@THRUM_TEST_FUZZ_SECONDS=$(SECONDS) test/run-fuzz $(B)/fuzz $(T)

SECONDS := 10

scenario: programs $(B)/ws-echo ## outside clients against a running thrumd; T=word; MODE=asan
	@TSAN_OPTIONS="suppressions=$(CURDIR)/test/tsan.supp" THRUM=$(abspath $(B))/thrumd \
	    THRUM_TEST_WS_ECHO=$(abspath $(B))/ws-echo THRUM_TEST_SLOW=$(if $(filter release,$(MODE)),1,4) test/scenario/run $(T)

durability: programs ## kill -9 under load, twenty times: nothing acknowledged may be lost
	@THRUM=$(abspath $(B))/thrumd node test/durability/kill9.mjs && \
	    echo "1 passed, 0 failed" || { echo "0 passed, 1 failed"; exit 1; }

# The generator of load, and the programs that measure one piece each.
LOAD      := $(patsubst tools/bench/%.c,$(B)/bench/%.o,$(wildcard tools/bench/*.c))
MICRO     := $(sort $(wildcard test/bench/*_bench.c))
MICRO_BIN := $(MICRO:test/bench/%.c=$(B)/bench/%)

bench: programs $(B)/bench/load $(MICRO_BIN) ## speed, beside mosquitto and nginx in the same runs
	@for program in $(MICRO_BIN); do $$program || exit 1; done
	@script/bootstrap bench
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/run
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/rest.mjs
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/replay.mjs
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/deaf.mjs
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/sessions.mjs
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/catch-up.mjs \
	    --herd 10000 --updates 110000000 --only sleeper
	@THRUM=$(abspath $(B))/thrumd LOAD=$(abspath $(B))/bench/load node tools/bench/catch-up.mjs \
	    --herd 10000 --only herd

$(B)/bench/%.o: tools/bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itools/bench $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bench/load: $(LOAD) $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $(LOAD) $(LIBRARY) $(LIBS)

$(B)/bench/%_bench: test/bench/%_bench.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

-include $(LOAD:.o=.d) $(MICRO_BIN:=.d)

tidy: ## the project's own lint: floors, banned calls, layout
	@tools/tidy

tidy-selftest: ## prove that tidy finds each kind of fault
	@test/tidy-selftest

run: ## build and start thrumd on thrum-data
	@script/run

deps: ## install what the build needs from Debian's packages
	@script/bootstrap

docs: programs ## write thrumd.conf and pages of docs/reference from the code's tables
	@mkdir -p docs/reference
	$(B)/thrumd --print-config-reference > docs/reference/configuration.md
	$(B)/thrumd --print-rest-reference > docs/reference/rest.md
	$(B)/thrumd --print-topics-reference > docs/reference/topics.md
	$(B)/thrumd --print-rights-reference > docs/reference/rights.md
	$(B)/thrumd --print-config-example > thrumd.conf

docs-check: programs ## are those as the tables have them?
	@test/docs-check $(B)/thrumd

fmt: ## lay out the C code
	clang-format -i $$(find src test tools -name '*.[ch]')

clean: ## remove what was built
	rm -rf build
