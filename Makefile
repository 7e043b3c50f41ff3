# Two commands on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
PREFIX ?= /usr/local
export CARRY
.PHONY: help demo model test fuzz build native lint format bench gpu docs examples install dist clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: build  ## teach a small model noisy numbers with and without distances, draw and judge (minutes after the build)
	@.build/release/dist2 demo

model: build  ## fetch SmolLM2-135M-Instruct, the default model (93 MB), into the cache
	@scripts/model.sh

test: build  ## the same set-up, then every test
	@scripts/model.sh > /dev/null
	@scripts/test.sh

fuzz:  ## feed readers with changed input for a while (MINUTES=5, SEED=1, ONLY=tokenizer)
	@scripts/fuzz.sh

build:  ## libtorch, the native library, the dist2 command
	@scripts/build.sh --product dist2

install: build  ## the command into PREFIX (/usr/local), which may be moved; CARRY=no leaves libtorch out
	@scripts/install.sh "$(PREFIX)"

dist: build  ## the same as a tar.gz in .build
	@scripts/dist.sh

native:  ## only the native library
	@scripts/native.sh

gpu:  ## on a machine with an NVIDIA GPU: hold it to the CPU, measure it beside its peers (docs/guides/gpu.md)
	@scripts/gpu.sh

lint:  ## formatting, traps, links, licence lines, documentation comments
	@scripts/lint.sh

format:  ## format the sources in place
	@swift format --in-place --parallel --recursive Sources Tests Package.swift $(wildcard Examples Benchmarks)

bench: build  ## speed side by side with PyTorch (twelve minutes; QUICK=1 for a look, ONLY="step" for a part)
	@scripts/bench.sh

docs:  ## DocC pages into .build/docs (seconds after a build)
	@scripts/docs.sh

examples: build  ## build and run the programs in Examples/
	@scripts/examples.sh

clean:  ## remove what was built here (the cache with libtorch and the model stays)
	rm -rf .build .native Examples/*/.build Benchmarks/.build
