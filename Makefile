# Set-up, build, run and test. Every target does first what is missing; none needs another one run
# before it. docs/setup.md says what each step brings, docs/dependencies.md what it is for.

.DEFAULT_GOAL := help
.PHONY: help setup build run test test-slow format clean distclean

help:
	@echo 'make run         audits, plans, simulates and trains Plans/strategy-16gpu.yaml on 16 local'
	@echo '                 ranks, and leaves out/strategy-16gpu/report.html'
	@echo 'make test        runs every test but the long ones'
	@echo 'make test-slow   runs every test'
	@echo 'make build       builds .build/release/apus and the engine'
	@echo 'make setup       the same as build'
	@echo 'make format      formats the Swift sources'
	@echo 'make clean       deletes what was built'
	@echo 'make distclean   deletes what was downloaded too'
	@echo
	@echo 'APUS_LIBTORCH=DIR  uses the PyTorch in DIR instead of downloading one'
	@echo 'APUS_CORPUS=PATH   trains on that text file or folder'
	@echo
	@echo 'On this machine:'
	@scripts/setup --status

setup build:
	@scripts/setup

run:
	@scripts/setup
	@scripts/run-strategy

test:
	@scripts/setup --without-release
	@scripts/run-tests

test-slow:
	@scripts/setup --without-release
	@scripts/run-tests --slow

format:
	@swift format --in-place --recursive Sources Tests Package.swift

clean:
	rm -rf .build .deps/engine .deps/logs

distclean: clean
	rm -rf .deps
