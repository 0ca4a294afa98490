# Everything a person does with the project. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
TYPESCRIPT := clients/typescript
JSFORCE := tests/conformance/jsforce
CHROMIUM := tests/support/chromium
SERVICE_PROTOS := $(shell cd protos && ls sluicegate/v1/*_service.proto)
PROTOS := $(shell cd protos && ls sluicegate/v1/*.proto)
PROTOC = $(BIN)/python -m grpc_tools.protoc -Iprotos/vendor -Iprotos
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

.venv/.service: .locks/service.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; set PYTHON=… to one") if sys.version_info < (3, 11) else None'
	@echo "making .venv from .locks/service.txt"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .locks/service.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.service .locks/dev.txt
	@echo "adding the tools of .locks/dev.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .locks/dev.txt
	@touch $@

%/node_modules/.installed: %/package-lock.json %/package.json
	@cd $* && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: demo
demo: .venv/.service ## Run the service against its embedded org and call its RPCs for real
	@$(BIN)/sluicegate demo

.PHONY: serve
serve: .venv/.service ## Serve on the embedded org (gRPC 50051, admin 8080, links 8070, emulator 8090)
	@$(BIN)/sluicegate serve

.PHONY: test
test: .venv/.dev $(TYPESCRIPT)/node_modules/.installed $(JSFORCE)/node_modules/.installed $(CHROMIUM)/node_modules/.installed ## Run every test
	@$(BIN)/pytest --numprocesses=2 --dist=loadfile

.PHONY: test-long
test-long: .venv/.dev $(TYPESCRIPT)/node_modules/.installed $(JSFORCE)/node_modules/.installed $(CHROMIUM)/node_modules/.installed ## Run every test with larger numbers
	@SLUICEGATE_TEST_SCALE=20 $(BIN)/pytest --timeout=1800

.PHONY: check
check: .venv/.dev check-generate ## Lint, types, imports, protos
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/buf lint
	@$(BIN)/buf format --diff --exit-code > /dev/null || { echo "protos are not formatted: run '$(BIN)/buf format -w'"; exit 1; }
	@$(BIN)/buf build protos -o .venv/protos.binpb && $(BIN)/buf breaking .venv/protos.binpb --against protos/baseline.binpb --config '{"version": "v2", "breaking": {"use": ["WIRE_JSON"]}}'

.PHONY: generate
generate: .venv/.dev $(TYPESCRIPT)/node_modules/.installed ## Generate the Python and TypeScript stubs from protos/
	@rm -rf clients/python/sluicegate/v1 clients/python/buf $(TYPESCRIPT)/src/gen
	@$(PROTOC) --python_out=clients/python --mypy_out=quiet:clients/python $(PROTOS) buf/validate/validate.proto
	@$(PROTOC) --grpc_python_out=clients/python --mypy_grpc_out=quiet:clients/python $(SERVICE_PROTOS)
	@$(BIN)/buf generate --template protos/buf.gen.yaml

.PHONY: check-generate
check-generate: generate ## Fail if the committed stubs differ from what `make generate` makes
	@changed="$$(git status --porcelain -- clients/python/sluicegate/v1 clients/python/buf $(TYPESCRIPT)/src/gen)"; \
	if [ -n "$$changed" ]; then echo "generated code differs from what is committed:"; echo "$$changed"; exit 1; fi

.PHONY: bench
bench: .venv/.dev $(if $(shell command -v npm),$(JSFORCE)/node_modules/.installed) ## Measure against peers and floors in one run; writes bench.json
	@$(BIN)/python -m tests.load.bench

.PHONY: lock
lock: .venv/.dev ## Resolve the lock files anew from pyproject.toml
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group build -o .locks/service.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group dev -c .locks/service.txt -o .locks/dev.txt

.PHONY: baseline
baseline: .venv/.dev ## Take the present protos as what `buf breaking` compares with (at a release)
	@$(BIN)/buf build protos --exclude-source-info -o protos/baseline.binpb
