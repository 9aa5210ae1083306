# The lab: an IOS-like CA and its clients (C, because they carry load), built into build/lab/.
# Targets: lab (build), lab-test (self-tests), lab-compare and lab-cost (beside others; long). The
# last three need root.

LAB_DIR := tests/lab
LAB_OUT := build/lab
LAB_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -MMD -MP

LAB_CA_SOURCES := $(wildcard $(LAB_DIR)/ios_ca*.c)
LAB_FLEET_SOURCES := $(wildcard $(LAB_DIR)/fleet*.c)
LAB_RESULTS := $(LAB_OUT)/results
LAB_POLL_TIME := $(LAB_OUT)/poll_time $(LAB_OUT)/poll_time.bpf.o
BPF_CLANG ?= $(firstword $(shell command -v clang-14 clang clang-19 2>/dev/null))
LAB_PROGRAMS := $(LAB_OUT)/ios_ca $(LAB_OUT)/fleet

.PHONY: lab lab-test lab-compare lab-cost
lab: $(LAB_PROGRAMS) $(LAB_POLL_TIME)

$(LAB_OUT)/ios_ca: $(LAB_CA_SOURCES:$(LAB_DIR)/%.c=$(LAB_OUT)/%.o)
$(LAB_OUT)/fleet: $(LAB_FLEET_SOURCES:$(LAB_DIR)/%.c=$(LAB_OUT)/%.o)
$(LAB_PROGRAMS):
	@echo "  LINK    $@"
	@$(CC) -o $@ $^ -lm

$(LAB_OUT)/%.o: $(LAB_DIR)/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(LAB_CFLAGS) -c -o $@ $<

$(LAB_OUT)/poll_time: $(LAB_OUT)/poll_time.o
	@echo "  LINK    $@"
	@$(CC) -o $@ $^ -lbpf

$(LAB_OUT)/%.bpf.o: $(LAB_DIR)/%.bpf.c $(LAB_DIR)/poll_time.h
	@mkdir -p $(@D)
	@echo "  CLANG   $@"
	@$(BPF_CLANG) -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror \
		-I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

lab-test: lab
	@python3 $(LAB_DIR)/test_judge.py
	@python3 $(LAB_DIR)/test_fleet.py
	@python3 $(LAB_DIR)/test_ios_ca.py

# LAB_COMPARE: more options of compare.py, e.g. "--scale 20 --scenarios storm5,rush".
lab-compare: all lab
	@mkdir -p $(LAB_RESULTS)
	@python3 $(LAB_DIR)/compare.py --json-file $(LAB_RESULTS)/compare.json $(LAB_COMPARE)

lab-cost: all lab
	@mkdir -p $(LAB_RESULTS)
	@python3 $(LAB_DIR)/cpu_cost.py --json-file $(LAB_RESULTS)/cost.json $(LAB_COST)

-include $(wildcard $(LAB_OUT)/*.d)
