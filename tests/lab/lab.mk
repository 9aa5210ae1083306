# The lab: an IOS-like CA and its clients (C, because they carry load), built into build/lab/.
# Targets: lab (build), lab-test (self-test of the CA, needs root).

LAB_DIR := tests/lab
LAB_OUT := build/lab
LAB_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -MMD -MP

LAB_CA_SOURCES := $(wildcard $(LAB_DIR)/ios_ca*.c)
LAB_FLEET_SOURCES := $(wildcard $(LAB_DIR)/fleet*.c)
LAB_PROGRAMS := $(LAB_OUT)/ios_ca $(LAB_OUT)/fleet

.PHONY: lab lab-test
lab: $(LAB_PROGRAMS)

$(LAB_OUT)/ios_ca: $(LAB_CA_SOURCES:$(LAB_DIR)/%.c=$(LAB_OUT)/%.o)
$(LAB_OUT)/fleet: $(LAB_FLEET_SOURCES:$(LAB_DIR)/%.c=$(LAB_OUT)/%.o)
$(LAB_PROGRAMS):
	@echo "  LINK    $@"
	@$(CC) -o $@ $^ -lm

$(LAB_OUT)/%.o: $(LAB_DIR)/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(LAB_CFLAGS) -c -o $@ $<

lab-test: lab
	@python3 $(LAB_DIR)/test_ios_ca.py

-include $(wildcard $(LAB_OUT)/*.d)
