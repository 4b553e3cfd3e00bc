# everfold. A fresh machine needs Go and make; `make help` lists what there is.

GO    ?= go
TOOLS := tools/go.mod
TOOL  := $(GO) tool -modfile=$(TOOLS)

# Static programs, the same with and without a C compiler.
BUILD := CGO_ENABLED=0 $(GO) build -trimpath
# Go stamps the revision into programs; where git cannot tell it, the build goes on without.
VCS   := $(shell git status >/dev/null 2>&1 && echo auto || echo false)

# Packages with goroutines of their own, for the race detector. Numerics is left to the
# tests that compare bytes across thread counts: under the detector it takes hours.
RACE  := ./logging/... ./store/... ./artifact/... ./tracker/... ./activities/... ./workflows/... ./internal/...

# One package's tests may take this long, on two cores with everything else running.
TIMEOUT ?= 20m

# Seconds that `make fuzz` gives each fuzz target.
FUZZ ?= 60

# The program that looks for known vulnerabilities.
GOVULNCHECK ?= v1.1.4

.DEFAULT_GOAL := help
.PHONY: help build programs temporal versitygw services secrets run test check fmt vet static workflow unit race bench bench-quick peers mlflow burk rank agreement terminal soak scale fuzz fuzz-quick e2e-distributed webui system oracle clean modules vulnerabilities

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: programs temporal ## bin/starter, bin/worker, bin/temporal (the last takes minutes, once)

programs:
	@mkdir -p bin
	@$(BUILD) -buildvcs=$(VCS) -o bin/ ./starter ./worker

# The Temporal dev server and CLI, from source at the version pinned in tools/go.mod; a
# program of that version is kept, however old or new it is.
temporal:
	@want=$$(awk '$$1 == "github.com/temporalio/cli" {print $$2}' $(TOOLS)); \
	$(GO) version -m bin/temporal 2>/dev/null | grep -q "github.com/temporalio/cli[[:space:]]$$want" || { \
		echo "building the Temporal dev server $$want: some minutes, once"; \
		mkdir -p bin && cd tools && $(BUILD) -buildvcs=false -o ../bin/temporal github.com/temporalio/cli/cmd/temporal; }

# The S3 server of the tests, likewise.
versitygw:
	@want=$$(awk '$$1 == "github.com/versity/versitygw" {print $$2}' $(TOOLS)); \
	$(GO) version -m bin/versitygw 2>/dev/null | grep -q "github.com/versity/versitygw[[:space:]]$$want" || { \
		echo "building the S3 server of the tests, versitygw $$want: a minute or two, once"; \
		mkdir -p bin && cd tools && $(BUILD) -buildvcs=false -o ../bin/versitygw github.com/versity/versitygw/cmd/versitygw; }

# What docker-compose.yml takes from images beside these: the Temporal server and its schema tool,
# and the Web UI. They share most of what they are built of with the dev server.
services:
	@want=$$(awk '$$1 == "go.temporal.io/server" {print $$2}' $(TOOLS)); \
	$(GO) version -m bin/temporal-server 2>/dev/null | grep -q "go.temporal.io/server[[:space:]]$$want" || { \
		echo "building the Temporal server $$want, its schema tool and the Web UI: some minutes, once"; \
		mkdir -p bin && cd tools && \
		$(BUILD) -buildvcs=false -o ../bin/temporal-sql-tool go.temporal.io/server/cmd/tools/sql && \
		$(BUILD) -buildvcs=false -o ../bin/ui-server github.com/temporalio/ui-server/v2/cmd/server && \
		$(BUILD) -buildvcs=false -o ../bin/temporal-server go.temporal.io/server/cmd/server; }

secrets: ## .env with random passwords for docker-compose.yml; what is there stays
	@deploy/secrets.sh

run: build ## train on the shipped real data, on an embedded server; run it again to go on
	@bin/starter quickstart

test: build check mlflow versitygw unit fuzz-quick race ## everything: build, check, all tests, the race detector where it can run
	@echo "ok: everything passed"

check: fmt vet static workflow modules ## gofmt, vet, staticcheck, workflowcheck, go mod verify

fmt:
	@files="$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...))"; \
	if [ -n "$$files" ]; then echo "gofmt these files:"; echo "$$files"; exit 1; fi

vet:
	@$(GO) vet ./...

static:
	@$(TOOL) staticcheck ./...

# Workflow code must be deterministic: no clock, randomness, environment, map order.
workflow:
	@$(TOOL) workflowcheck -config .ci/workflowcheck.yaml ./workflows/...

# The downloaded modules are those of go.sum.
modules:
	@$(GO) mod verify >/dev/null

vulnerabilities: ## look for known ones in what the programs call; asks vuln.go.dev
	@$(GO) run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./starter ./worker

unit:
	@$(GO) test -timeout $(TIMEOUT) ./...

# The server that testsuite/tracker runs against: Python packages in .cache/mlflow.
mlflow:
	@testsuite/tracker/install.sh

# The detector needs a C compiler; without one Go says CGO_ENABLED=0.
race:
	@if [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null; then \
		$(GO) test -race -timeout $(TIMEOUT) $(RACE); \
	else echo "race detector: left out, there is no C compiler"; fi

bench: temporal versitygw peers ## everfold beside its peers, the production run, the libraries, what a run costs; takes hours
	@$(GO) run ./bench/versus -runs 5 -results bench/results/peers.json -page docs/BENCHMARKS.md
	@$(GO) run ./bench/production -kill -results bench/results/production.json -page docs/BENCHMARKS.md
	@$(GO) test -run '^$$' -bench . -benchmem ./survival/... ./dataset/... ./artifact/... ./store/...
	@$(GO) test -run '^$$' -bench . -benchtime 5x -timeout 1h ./bench -results results/orchestration.json
	@$(GO) test -run '^$$' -bench . -benchtime 2x -timeout 1h ./testsuite/machines

bench-quick: peers ## everfold beside its peers on small tables, in minutes; prints the tables
	@$(GO) run ./bench/versus -quick -results .cache/bench-quick.json

# R from the system, Python packages into .cache/peers: see the script.
peers:
	@bench/peers/install.sh

burk: build ## the published Cox and Kaplan-Meier scores on all 18 benchmark sets
	@$(GO) test -count 1 -timeout 1h ./testsuite/burk -all

rank: ## fit the entry on the 18 benchmark sets, write docs/RANKING.md; goes on where it was
	@$(GO) run ./bench/rank

agreement: ## measure every model and metric against its references, write README's table
	@$(GO) run ./bench/agreement
	@git diff --stat -- README.md

terminal: temporal ## draw README's picture of the terminal from a real run
	@$(GO) test -count 1 -timeout 10m ./testsuite/terminal -run TestPicture -picture "$(CURDIR)/docs/images/terminal.svg"

# The crash tests with more random moments than CI's three for each fault.
SOAK ?= 100

soak: build mlflow versitygw ## crash tests at SOAK=100 random moments per fault, faults of S3 and the network at full length; takes hours
	@EVERFOLD_SOAK=$(SOAK) $(GO) test -count 1 -timeout 1h -run TestPowerCut ./activities
	@EVERFOLD_SOAK=$(SOAK) $(GO) test -count 1 -timeout 24h ./testsuite/crash ./testsuite/tracker ./testsuite/s3 ./testsuite/machines
	@EVERFOLD_SOAK=$(SOAK) EVERFOLD_TEST_NAMESPACES=off $(GO) test -count 1 -timeout 1h ./testsuite/machines

scale: build ## 100 runs at once and a run of 2,100 fits, with their figures; minutes
	@EVERFOLD_SCALE=1 $(GO) test -count 1 -v -timeout 1h ./testsuite/scale

fuzz: ## every fuzz target for FUZZ=60 seconds, on one core; ONLY=Parquet takes some
	@testsuite/hostile/fuzz.sh $(FUZZ)s "$(ONLY)"

fuzz-quick: ## the fuzz targets of every decoder for a second each
	@testsuite/hostile/fuzz.sh 1s hostile.

# What docker-compose.yml describes, from packages and without a container engine: see
# testsuite/distributed. It needs root, and says what else.
e2e-distributed: system temporal versitygw services mlflow ## docker-compose.yml's services on this machine, killed in the middle of a run; minutes
	@$(GO) test -count 1 -timeout 30m -v ./testsuite/distributed -start

webui: temporal ## an encrypted run in Temporal's Web UI, seen by a headless Chromium (Debian's package chromium)
	@$(GO) test -count 1 -timeout 10m -v ./testsuite/webui -browser

system:
	@testsuite/distributed/install.sh

# Reference values from the reference implementations. Debian: r-base-core r-cran-survival
# r-cran-jsonlite r-cran-riskregression r-cran-prodlim, and python3-venv.
ORACLES := survival/oracle
VENV    := .cache/oracle

oracle: $(VENV)/bin/python ## compute the reference values of survival/*/testdata again (R, Python)
	@command -v Rscript >/dev/null || { echo "make oracle needs R: see the Makefile"; exit 1; }
	@for script in $(ORACLES)/*.R; do echo $$script; Rscript $$script || exit 1; done
	@for script in $(ORACLES)/*.py; do echo $$script; $(VENV)/bin/python $$script || exit 1; done
	@git diff --stat -- survival

$(VENV)/bin/python: $(ORACLES)/requirements.txt
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --requirement $<
	@touch $@

clean: ## remove what was built; runs in outputs/ stay
	@rm -rf bin
