# Every target sets itself up: it needs python3 (3.11 or newer) with venv, and pip's package index.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SAM := .venv-sam
SAM_STAMP := $(SAM)/.installed
CHECKOV := .venv-checkov
CHECKOV_STAMP := $(CHECKOV)/.installed
TEMPLATES = $(shell grep -l '^AWSTemplateFormatVersion' *.yaml */*.yaml)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint bench bench-guard bench-curves bench-soak bench-compacted bench-scan accuracy check check-slice generate template artifact audit requirements clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with everything pinned (by hash)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: needs Python 3.11 or newer; set PYTHON=/path/to/python3.x" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "setup: python3 has no venv; on Debian: apt install python3-venv" >&2; exit 2; }
	@echo "setup: installing pinned packages into $(VENV) (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-binary pyspark --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## an hour of made-up traffic through the real handler, and what it cost
	@$(BIN)/vpcflow demo

test: $(STAMP) ## all tests (under 5 minutes, no network, no credentials)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow"

test-slow: $(STAMP) ## the tests that are left out there: Spark, the browser, the checks' own benches
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m slow

lint: $(STAMP) ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(STAMP) ## speed, size and API calls, as ratios taken in one run; then the guard: four minutes
	@status=0; $(BIN)/python -m bench.run || status=1; $(BIN)/python -m bench.guard $(REF) || status=1; exit $$status

bench-guard: $(STAMP) ## the guard alone: slower than the commit before this one? (REF=… for another)
	@$(BIN)/python -m bench.guard $(REF)

bench-curves: $(STAMP) ## scaling curves, parts of a batch, cost: ten minutes at most, writes docs/performance.md
	@$(BIN)/python -m bench.page usual curves parts cost

bench-soak: $(STAMP) ## memory over 10,000 batches: some five minutes, recorded in docs/performance.md
	@$(BIN)/python -m bench.page soak

bench-compacted: $(STAMP) ## a compacted hour over the gzip of its lines, by column; recorded there too (needs Java 17)
	@$(BIN)/python -m bench.page compacted

bench-scan: $(STAMP) ## bytes that cross-AZ questions read, over the gzip of ten million lines (needs Java 17)
	@$(BIN)/python -m bench.scan_economy

accuracy: $(STAMP) ## who was right about whom: an estate with churn, a million flows, a judge who knows
	@$(BIN)/python -m accuracy.run

check: $(STAMP) artifact ## nothing lost, nothing doubled, nobody in: measured, under faults and attack (docs/reliability.md)
	@$(BIN)/python -m reliability.run

check-slice: $(STAMP) ## two minutes of it; needs `make artifact` before
	@$(BIN)/python -m reliability.run --slice

generate: $(STAMP) ## write again the parts of files that follow from the code
	@$(BIN)/python -m scripts.generate

template: $(STAMP) $(SAM_STAMP) $(CHECKOV_STAMP) ## sam validate --lint, cfn-lint and checkov on every template
	@SAM_CLI_TELEMETRY=0 $(SAM)/bin/sam validate --lint --region us-east-1
	@$(BIN)/cfn-lint --regions us-east-1 -- $(TEMPLATES) && echo "cfn-lint: nothing to say"
	@$(CHECKOV)/bin/checkov --quiet --compact --framework cloudformation --skip-download --file $(TEMPLATES)

artifact: $(STAMP) ## what the functions and the Glue jobs run, for Lambda and for this machine, checked (build/*.zip)
	@rm -rf build/lambda build/host build/deployment build/deployment-host
	@$(BIN)/python -m scripts.build_artifact --target lambda --out build/lambda --zip build/lambda.zip --sbom build/lambda.sbom.json
	@$(BIN)/python -m scripts.build_artifact --target host --out build/host --zip build/host.zip
	@$(BIN)/python -m scripts.build_artifact --function deployment --target lambda --out build/deployment --zip build/deployment.zip --sbom build/deployment.sbom.json
	@$(BIN)/python -m scripts.build_artifact --function deployment --target host --out build/deployment-host

audit: $(STAMP) ## dependencies: pins, hashes, licences, reviews, known vulnerabilities (AUDIT=--offline: not those)
	@$(BIN)/python -m scripts.audit $(AUDIT)

# The list is complete, so nothing needs resolving; older pips refuse hashes together with extras when they resolve.
$(SAM_STAMP): requirements/sam.txt
	@$(PYTHON) -m venv --clear $(SAM)
	@echo "template: installing the SAM CLI into $(SAM) (once) ..."
	@$(SAM)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/sam.txt
	@touch $@

$(CHECKOV_STAMP): requirements/checkov.txt
	@$(PYTHON) -m venv --clear $(CHECKOV)
	@echo "template: installing checkov into $(CHECKOV) (once) ..."
	@$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/checkov.txt
	@touch $@

requirements: ## compile the pinned requirement files again (needs uv; no index address is written)
	@for f in src/requirements requirements/dev requirements/sam requirements/checkov; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header $$f.in -o $$f.txt; done

clean: ## remove what was built
	@rm -rf $(VENV) $(SAM) $(CHECKOV) .aws-sam build lake demo-out .mypy_cache .ruff_cache .hypothesis
