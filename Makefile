# make test and make demo do all the set-up themselves; see README.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Two test binaries at a time: the tests start database servers, and the race detector is hungry.
TEST_PACKAGES ?= ./...
# Never from the cache: it does not see the weir binary that the end-to-end tests build.
TEST_FLAGS    ?= -race -count=1 -p 2 -timeout 40m
STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build deps test demo bench bench-cluster explore matrix chaos lint proto proto-check clean

build: ## bin/weir
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/weir ./cmd/node

deps: ## install what tests and demo need and the machine lacks (Debian, Ubuntu)
	@scripts/install-deps.sh

test: deps ## every test, with the race detector, and the barrier's larger worlds without; the last line counts them
	@{ CGO_ENABLED=1 go test -json $(TEST_FLAGS) $(TEST_PACKAGES); \
	   go test -json -count=1 -timeout 10m -run Explore ./barrier; } | go run ./scripts/testreport

demo: ## follow a private MariaDB into ./demo-out for a minute
	@scripts/demo.sh

bench: deps build ## Weir beside the raw dump and a plain reader, in one run
	go run ./bench

bench-cluster: deps build ## fail-over, throughput, messages of a barrier, and a million idle spans
	go run ./bench -cluster

explore: ## walk every state of the barrier's larger worlds; takes long
	BARRIER_DEEP=1 go test -count=1 -v -timeout 4h -run Explore ./barrier

matrix: deps ## every crash in the midst of a DDL; writes docs/crash-matrix.md
	WEIR_MATRIX=all go test -count=1 -v -timeout 3h ./test/matrix

# How long make chaos goes on. WEIR_SEED begins with the world of a seed, KEEP=dir leaves a failed one's logs and files there.
MINUTES ?= 60

chaos: deps ## clusters of three nodes under a nemesis, world after world, until MINUTES are over or one fails; needs root
	WEIR_CHAOS_MINUTES=$(MINUTES) go test -count=1 -v -timeout $$(( $(MINUTES) + 30 ))m -run TestChaos ./test/cluster

lint: ## go vet, staticcheck, gofmt, go mod tidy
	go vet ./...
	go run $(STATICCHECK) ./...
	@files=$$(git ls-files '*.go' | xargs gofmt -l); \
	  if [ -n "$$files" ]; then echo "gofmt would change:" $$files; exit 1; fi
	go mod tidy -diff

proto: ## regenerate messages/*.pb.go
	@scripts/proto.sh messages

proto-check: ## the committed messages/*.pb.go are what proto would make
	@scripts/proto.sh --check

clean:
	rm -rf bin demo-out
