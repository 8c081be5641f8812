# stagedoor. `make` lists what there is to do.
#
# Both first commands need Go and do their own set-up: they install what is
# missing (Python 3, Node.js, bubblewrap; Chromium for the tests) with apt-get
# where they may, and otherwise say by name what to install.

SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
# The race detector needs cgo and a C compiler; without one the tests run all
# the same and say so.
RACE := $(shell command -v gcc >/dev/null 2>&1 && echo -race)

.PHONY: help demo test build setup browser fmt bench picture screenshots models fuzz

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup build ## start stagedoor with the example API deployed; see a call refused, and mended
	@$(GO) build -o bin/demo ./examples/stages
	@bin/demo -stagedoor bin/stagedoor $(DEMO_FLAGS)

test: browser ## run every test (the race detector included where a C compiler is)
	@test -n "$(RACE)" || echo "note: no gcc, so the tests run without the race detector (apt-get install gcc)"
	$(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-clean (make fmt mends it):"; gofmt -l .; exit 1; }
	$(GO) test $(RACE) -timeout 14m ./...
	$(if $(RACE),$(GO) test -run 'Gigabyte|FloodOfOutput' . ./internal/sandbox)

build: ## compile bin/stagedoor
	@mkdir -p bin
	@echo "compiling stagedoor (a few minutes the first time) …"
	@$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/stagedoor ./cmd/stagedoor

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

setup: ## install what the demo and the tests need, or say what is missing
	@./tools/setup

browser: ## the same, and Chromium for the tests of the console
	@./tools/setup browser

fmt: ## format the code
	gofmt -w .

bench: setup build ## measure, as ratios against references taken in the same run
	$(GO) run ./bench

picture: ## draw the README's picture again, from what the program prints
	$(GO) run ./tools/terminalsvg < internal/why/testdata/wrong-verb-coloured.golden > docs/refusal.svg

screenshots: browser ## take the console's pictures in docs/screenshots again
	$(GO) test -count 1 ./internal/console/browser -update-screenshots

fuzz: ## run each fuzz target for 30 s
	@./tools/fuzz 30s

models: ## trim the AWS service models again from the installed botocore
	$(GO) generate ./awswire/...
