# The front door: `make help` lists what there is. CI calls nothing else.
# Works with GNU make 3.81 and BSD tools, as macOS has them.

GO       ?= go
ARGS     ?=
PKG      ?= ./...
FUZZTIME ?= 5m
SOAKTIME ?= 10m
IMAGE    ?= parley
DOCKER   ?= docker

# Files and folders that `go generate ./...` writes; `make check` fails when one is stale.
GENERATED =

# Folders that hold Go code.
CODE := $(wildcard cmd signaling rooms web certs docker)

# Settings of the shell or of `go env -w` that would make go work on something else than this module.
# Version control is asked only where git answers: not in a release archive, nor in a checkout that belongs to somebody else.
export GO
export GOWORK      := off
export GO111MODULE := on
export GOFLAGS     := -buildvcs=$(shell git status >/dev/null 2>&1 && echo auto || echo false)
unexport GOOS GOARCH GOROOT

.PHONY: help run build test test-fast check fmt lint lint-js house generate check-generated tidy cross fuzz soak bench image \
	test-container rename clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

# Go is looked at once, before anything else, so that its absence is one line and not a page.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
  GO_FOUND := $(shell v=`GOFLAGS= GOWORK=off GO111MODULE=on GOROOT= $(GO) env GOVERSION 2>/dev/null || $(GO) version 2>/dev/null`; \
	case "$$v" in (*go1.2[5-9]*|*go1.[3-9][0-9]*|*go[2-9].*) echo ok;; (*) echo "$${v:-none}";; esac)
  ifneq ($(GO_FOUND),ok)
    $(error Parley needs Go 1.25 or later, found: $(GO_FOUND). Get it from https://go.dev/dl/ or, on macOS, with: brew install go)
  endif
endif

run: ## Serve on https://localhost:8443 (ARGS="--listen :9443" passes flags)
	@CGO_ENABLED=0 $(GO) run ./cmd/parley $(ARGS)

build: ## Build the programs into bin/
	@mkdir -p bin
	GOOS=$(GOOS) GOARCH=$(GOARCH) CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/parley ./cmd/parley-peer

test: ## All tests; ends with what was skipped for want of a program (PARLEY_TEST_REQUIRE=1: that fails)
	@$(GO) run ./cmd/internal/testrun -- $(ARGS) $(PKG)

test-fast: ## The tests that need no browser and no server, without the race detector: a minute
	@$(GO) run ./cmd/internal/testrun -fast -- $(ARGS) $(PKG)

check: fmt lint lint-js house check-generated tidy cross ## Everything short of tests: format, vet, staticcheck, house rules, builds
	@echo "check: all good"

fmt: # The formatter's opinion; `go tool gofumpt -w .` follows it
	@files=`$(GO) tool gofumpt -l $(CODE)` || exit 1; \
	if [ -n "$$files" ]; then echo "Not formatted (go tool gofumpt -w .):"; echo "$$files"; exit 1; fi

lint:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

lint-js: # Types and lint of the JavaScript; root on Debian gets Node.js
	@$(GO) run ./cmd/internal/testrun -install Node.js,npm -- -run '^TestJavaScript$$/^TypesAndLint$$' ./web

house: # Arrows between packages, comments, lengths, the top level
	$(GO) test -count=1 ./cmd/internal/house

generate: ## Write the generated files anew
	$(GO) generate ./...

check-generated: # Compared with what was there before, so that it works with changes that are not committed, and without git
	@if [ -n "$(GENERATED)" ]; then \
		before=`mktemp -d` && tar -cf - $(GENERATED) | tar -xf - -C "$$before" && $(GO) generate ./... || exit 1; \
		stale=0; for path in $(GENERATED); do diff -r "$$before/$$path" "$$path" || stale=1; done; rm -rf "$$before"; \
		if [ $$stale = 1 ]; then echo "Generated files were stale; they are new now, commit them."; exit 1; fi; \
	fi

tidy:
	$(GO) mod tidy -diff

cross: # The platforms that people develop on and that CI does not run
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) build ./...

fuzz: ## Every fuzz target for FUZZTIME (5m) each; prints the executions
	@$(GO) run ./cmd/internal/testrun -fuzz $(FUZZTIME) $(PKG)

soak: ## The long tests (TestSoak...), each for SOAKTIME (10m)
	@PARLEY_TEST_SOAK=$(SOAKTIME) $(GO) run ./cmd/internal/testrun -- -count=1 -run '^TestSoak' -skip '^TestSoakNodes$$' -timeout 12h $(ARGS) $(PKG)
	@# Three nodes, three NATS servers and their load are too much for a small machine with the race detector in all of them.
	@PARLEY_TEST_SOAK=$(SOAKTIME) PARLEY_TEST_NO_RACE=1 $(GO) run ./cmd/internal/testrun -- -count=1 -run '^TestSoakNodes$$' -timeout 12h $(ARGS) $(PKG)

bench: ## Load a server on this machine and print what it bore (ARGS passes flags)
	@CGO_ENABLED=0 $(GO) run ./cmd/parley-bench $(ARGS)

image: ## Build the container image (IMAGE=parley, DOCKER_BUILD_ARGS=...)
	$(DOCKER) build -t $(IMAGE) -f docker/Dockerfile \
		--build-arg VERSION="`git describe --tags --always --dirty 2>/dev/null`" \
		--build-arg REVISION="`git rev-parse HEAD 2>/dev/null`" $(DOCKER_BUILD_ARGS) .

test-container: ## Build the image and run it hardened; root on Debian gets a Docker engine of its own
	@PARLEY_TEST_CONTAINER=1 $(GO) run ./cmd/internal/testrun -install Docker -- -count=1 -v -timeout 30m $(ARGS) ./docker

rename: ## Give the module another path: make rename MODULE=example.com/you/parley
	@$(GO) run ./cmd/internal/rename "$(MODULE)"

clean: ## Remove what was built
	rm -rf bin
