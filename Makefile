# Every step of the set-up leaves a stamp in .stamps and runs again only when one of its inputs is
# newer. A stamp carries the time its step began, so an edit made meanwhile is never missed.
#
# PYTHON    the interpreter that .venv is made with, 3.11 or newer; remembered once it was named
# DEMO_ARGS what `make demo` hands on to the demo
# FIGURES, BENCH_QUICK, COUNTS what `make bench` and `make bench-counts` measure; see benches/figures

PYTHON ?= $(or $(shell cat .stamps/venv 2>/dev/null),python3)
DEMO_ARGS ?=
LOOM_MAX_PREEMPTIONS ?= 3
SOAK_SECONDS ?= 600
FIGURES ?=
BENCH_QUICK ?=
COUNTS ?= --check
COMMA := ,

BIN := .venv/bin
STAMPS := .stamps
EXTENSION := python/pydotcompute/_core.abi3.so
RUST_INPUTS := $(shell find src -name '*.rs') build.rs Cargo.toml rust-toolchain.toml $(wildcard Cargo.lock)
WHEEL_INPUTS := $(shell find python -name '*.py' -o -name '*.pyi' -o -name py.typed) LICENSE README.md

CHECK = @PYTHON='$(PYTHON)' scripts/check_tools.sh
BEGIN = @mkdir -p $(@D) && touch $@.begun
END = @mv $@.begun $@

# One target folder for each set of flags: a change of flags rebuilds everything in a folder.
LOOM := RUSTFLAGS='--cfg pydotcompute_loom' CARGO_TARGET_DIR=target-loom \
	LOOM_MAX_PREEMPTIONS=$(LOOM_MAX_PREEMPTIONS)
TSAN_FLAGS := -Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer
TSAN := RUSTC_BOOTSTRAP=1 RUSTFLAGS='$(TSAN_FLAGS)' CARGO_TARGET_DIR=target-tsan \
	TSAN_OPTIONS=suppressions=tsan.supp
HOST_TRIPLE = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: help build demo test test-rust loom test-python test-all tsan test-system lint bench bench-counts soak format wheel clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(STAMPS)/build ## compile the Rust core in release mode, into .venv

demo: $(STAMPS)/build ## build, then show ring kernels and their telemetry live (DEMO_ARGS=...)
	@$(BIN)/python -m pydotcompute demo $(DEMO_ARGS)

test: test-rust loom test-python ## run every test but tsan and test-system, on one Python

test-rust: ## run the Rust tests and doctests
	$(CHECK) rust
	cargo test

loom: ## run the models of lock-free code under every interleaving (loom)
	$(CHECK) rust
	$(LOOM) cargo test --test 'loom_*'

test-python: $(STAMPS)/build $(STAMPS)/dev ## run the Python tests, the conventions and the wheel among them
	$(BIN)/python -m pytest

test-all: $(STAMPS)/wheel ## run the Python tests on every newer Python found too, on both event loops, and without hand-off
	$(BIN)/python scripts/test_all.py

tsan: ## run the threaded Rust tests under ThreadSanitizer, once it has proved that it sees a race
	$(CHECK) rust
	@mkdir -p target-tsan
	$(TSAN) rustc --edition 2024 --test $(TSAN_FLAGS) -o target-tsan/race tests/sanitizer/race.rs
	@if $(TSAN) target-tsan/race >target-tsan/race.log 2>&1 || \
		! grep -q 'data race.*race::write' target-tsan/race.log; then \
		cat target-tsan/race.log; echo 'tsan: the race made on purpose was not reported' >&2; exit 1; fi
	$(TSAN) cargo test --target $(HOST_TRIPLE) --test 'threads_*'

test-system: $(STAMPS)/build $(STAMPS)/dev ## run the tests in a real terminal and under valgrind, installing tmux and valgrind
	tests/system/install.sh
	$(BIN)/python -m pytest tests/system

lint: $(STAMPS)/build $(STAMPS)/dev ## check format, lints, docs, types and stubs; changes nothing
	$(CHECK) rust
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --features python -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --features python
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest pydotcompute._core

format: $(STAMPS)/dev ## format Rust and Python, and mend what ruff can mend by itself
	cargo fmt
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMPS)/build $(STAMPS)/bench ## take every figure of docs/performance.md (FIGURES=P1,P3; BENCH_QUICK=1)
	$(CHECK) rust
	$(if $(FIGURES),,cargo bench $(if $(BENCH_QUICK),-- --quick))
	BENCH_QUICK='$(BENCH_QUICK)' $(BIN)/python benches/figures $(subst $(COMMA), ,$(FIGURES))

bench-counts: $(STAMPS)/build $(STAMPS)/dev ## count what telemetry costs in instructions, and compare (COUNTS=--write: commit them)
	tests/system/install.sh
	$(BIN)/python benches/figures/counting.py $(COUNTS)

soak: $(STAMPS)/build ## keep kernels under load and faults for SOAK_SECONDS, 600, and check every number
	SOAK_SECONDS='$(SOAK_SECONDS)' $(BIN)/python benches/soak

wheel: $(STAMPS)/wheel ## build the abi3 wheel into dist/

clean: ## remove everything that make made
	rm -rf .venv .venvs $(STAMPS) target target-loom target-tsan dist build $(EXTENSION)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Set-up. A stamp whose result was deleted, or was made with another interpreter, does not count.

.PHONY: FORCE

$(STAMPS)/venv: $(if $(filter $(PYTHON),$(and $(wildcard $(BIN)/python),$(shell cat $(STAMPS)/venv 2>/dev/null))),,FORCE)
	$(CHECK) python rust
	@mkdir -p $(@D) && rm -f $@
	'$(PYTHON)' -m venv --clear .venv
	@echo '$(PYTHON)' >$@

# The build tool's version is read from pyproject.toml, where pip reads it too.
$(STAMPS)/maturin: $(STAMPS)/venv pyproject.toml
	$(BEGIN)
	@echo 'installing the build tool'
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		| xargs $(BIN)/python -m pip install --quiet
	$(END)

$(STAMPS)/build: $(STAMPS)/maturin $(RUST_INPUTS) $(if $(wildcard $(EXTENSION)),,FORCE)
	$(CHECK) rust
	$(BEGIN)
	@echo 'compiling the Rust core, about half a minute the first time'
	@$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	$(END)

# After the build, because two pip processes in one environment get in each other's way.
$(STAMPS)/dev: pyproject.toml $(STAMPS)/venv | $(STAMPS)/build
	$(BEGIN)
	@echo 'installing the tools of the dev group'
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group dev
	$(END)

$(STAMPS)/bench: pyproject.toml | $(STAMPS)/dev
	$(BEGIN)
	@echo 'installing the rivals of the bench group'
	@$(BIN)/python -m pip install --quiet --group bench
	$(END)

$(STAMPS)/wheel: $(STAMPS)/maturin $(RUST_INPUTS) $(WHEEL_INPUTS) $(if $(wildcard dist/*.whl),,FORCE) | $(STAMPS)/build
	$(CHECK) rust
	$(BEGIN)
	rm -rf dist
	$(BIN)/maturin build --release --interpreter $(BIN)/python --out dist
	$(END)
