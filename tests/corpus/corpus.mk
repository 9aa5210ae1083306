# Requests from public HTTP suites against the native request-line reader (no kernel, no root).
# The cases lie outside the repository; without them this says so and skips.

CORPUS ?= ../shared/corpus

.PHONY: corpus-native
corpus-native: build/corpus/classify_lines
	@if [ -r $(CORPUS)/run.py ]; then \
		python3 $(CORPUS)/run.py --batch 'python3 tests/corpus/classify_native.py $<'; \
	else \
		echo "SKIP corpus-native: no corpus at '$(CORPUS)' (set CORPUS=)"; \
	fi

build/corpus/classify_lines: tests/corpus/classify_lines.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $<

build/corpus/reader_microhttpd: tests/corpus/readers/reader_microhttpd.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< -lmicrohttpd
