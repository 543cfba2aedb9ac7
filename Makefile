# The usual tasks; each installs what it needs first, unless SETUP=no. `make help` lists them.

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
# Further options for CMake, such as CMAKE_FLAGS=-DCMAKE_PREFIX_PATH=/opt/libtorch.
CMAKE_FLAGS ?=
# ON turns compiler warnings into errors; left empty, the build folder keeps what it has.
WERROR ?=

setup = $(if $(filter no,$(SETUP)),@true,@scripts/setup.sh)
configure = cmake -S . -G Ninja $(if $(WERROR),-DHYPERTUNE_WERROR=$(WERROR)) $(CMAKE_FLAGS)
flagship = experiments/batchnorm_vs_learning_rate.toml

.DEFAULT_GOAL := help
.PHONY: help build study test bench format lint sanitize install clean

help: ## List the targets
	@echo 'Targets (options: SETUP=no, JOBS=N, PREFIX=DIR, WERROR=ON, CMAKE_FLAGS=...):'
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 14

build: ## Build the program (build/hypertune) and the libraries
	$(setup) build
	@test -f build/build.ninja -a -z '$(WERROR)$(CMAKE_FLAGS)' || $(configure) -B build
	@cmake --build build -j $(JOBS) --target product
	@test -e build/page/built || echo 'The page of hypertune serve is left out: it takes Node with npm.'

study: ## Run the flagship study and print its verdicts
	$(setup) build study
	@$(MAKE) --no-print-directory build SETUP=no
	@build/hypertune run $(flagship)

test: ## Build and run all tests
	$(setup) build study test
	@$(configure) -B build -DHYPERTUNE_TESTS=ON
	@cmake --build build -j $(JOBS)
	@cd build && ctest --output-on-failure -j $(JOBS)

bench: ## Compare speeds with those of LibTorch and PyTorch, and time the flagship
	$(setup) build study bench
	@$(configure) -B build -DHYPERTUNE_BENCH=ON
	@cmake --build build -j $(JOBS) --target product trainer_epoch compare_engine
	@build/compare_engine
	@/usr/bin/python3 bench/compare/pytorch_epoch
	@bench/compare/flagship

format: ## Format every C++ file
	$(setup) test
	@scripts/format.sh

lint: build ## Check names and bug-prone code with clang-tidy
	$(setup) lint
	@scripts/lint.sh build

sanitize: ## Run the tests with the address and undefined-behavior sanitizers
	$(setup) build study test
	@$(configure) -B build-sanitize -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	  -DHYPERTUNE_TESTS=ON -DHYPERTUNE_SANITIZE=ON
	@cmake --build build-sanitize -j $(JOBS)
	@cd build-sanitize && ctest --output-on-failure -j $(JOBS)

install: build ## Install below PREFIX
	@cmake --install build --prefix '$(PREFIX)'

clean: ## Remove the build folders; results in runs/ stay
	@rm -rf build build-sanitize
