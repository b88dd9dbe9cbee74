# make demo    set up, generate the demo CRM, train, score, report, serve (SERVE=0 stops before serving)
# make test    set up and run every test
# make check   ruff, types and the fast tests

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DEMO := build/demo
DEALS ?= 6000
# The demo has a past: a scorer of this day scored each Monday until the week before the demo's own day.
DEMO_PAST := 2026-06-15
DEMO_LAST_WEEK := 2026-11-09
DEMO_DAY := 2026-11-16
SERVE ?= 1

.PHONY: demo test check setup signals browser clean-demo \
  bench-features bench-reasons bench-truth bench-closing bench-forecast bench-backtest bench-bpic2012 \
  bench-bpic2012-prefix bench-peers bench-calibration bench-levels
.DELETE_ON_ERROR:

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python "$(PYTHON)" .venv && \
	  uv pip sync --quiet --python $(BIN)/python requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --editable .; \
	else \
	  "$(PYTHON)" -m venv .venv && \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi
	@touch $@

# The demo has a store and a registry of its own, so that it never mixes with a real CRM.
demo: export PLUMBLINE_STORE_URL := sqlite:///$(DEMO)/plumbline.db
demo: export MLFLOW_TRACKING_URI := sqlite:///$(DEMO)/mlflow.db
demo: export PLUMBLINE_BUILD_DIR := $(DEMO)
demo: export PLUMBLINE_SIGNALS := $(DEMO)/crm/signals.yaml
demo: $(DEMO)/reported $(DEMO)/api-key
	@echo "Forecast and at-risk reports: $(DEMO)/reports/"
	@if [ "$(SERVE)" != 0 ]; then \
	  export PLUMBLINE_API_KEY="$${PLUMBLINE_API_KEY:-$$(cat $(DEMO)/api-key)}"; \
	  echo "Open http://$${PLUMBLINE_HOST:-127.0.0.1}:$${PLUMBLINE_PORT:-8000} and sign in with the key $$PLUMBLINE_API_KEY"; \
	  exec $(BIN)/plumbline serve; \
	fi

$(DEMO)/crm/simulation.json: | .venv/ready
	$(BIN)/plumbline simulate --no-oracle --deals $(DEALS) --out $(DEMO)/crm

$(DEMO)/imported: $(DEMO)/crm/simulation.json
	$(BIN)/plumbline import $(DEMO)/crm
	@touch $@

$(DEMO)/past: $(DEMO)/imported
	$(BIN)/plumbline train --until $(DEMO_PAST)
	$(BIN)/plumbline score --weekly-since $(DEMO_PAST) --as-of $(DEMO_LAST_WEEK)
	@touch $@

$(DEMO)/trained: $(DEMO)/past
	$(BIN)/plumbline train --until $(DEMO_DAY)
	@touch $@

$(DEMO)/scored: $(DEMO)/trained
	$(BIN)/plumbline score --as-of $(DEMO_DAY)
	@touch $@

$(DEMO)/reported: $(DEMO)/scored
	$(BIN)/plumbline report
	@touch $@

$(DEMO)/api-key: | .venv/ready
	@mkdir -p $(DEMO) && umask 077 && $(BIN)/python -c "import secrets; print(secrets.token_urlsafe(24))" > $@

# The catalogue of signals; a test says when it is stale.
signals: setup
	$(BIN)/python -m features.catalogue

# One thread each for numpy and scikit-learn: two tests at a time already fill two cores.
check test: export OMP_NUM_THREADS := 1
check test: export OPENBLAS_NUM_THREADS := 1
SIDE_BY_SIDE := -q -n 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow"

test: setup browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(SIDE_BY_SIDE)

# Chromium, for the tests of the pages; without it they skip and say so.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium >/dev/null; } || \
	  echo "chromium is not here and could not be installed; the tests of the pages will be skipped"

# The benchmark's peers live apart: Featuretools does not import on the pandas that this project needs.
build/peers-venv/ready: benchmarks/peers-requirements.txt
	"$(PYTHON)" -m venv --clear build/peers-venv
	build/peers-venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# SIZES=20k,200k for a shorter form.
bench-features: setup build/peers-venv/ready
	$(BIN)/python -m benchmarks.features

# How fast scores come with their reasons, and what the trees' shape costs.
bench-reasons: setup
	$(BIN)/python -m benchmarks.reasons

# SurvivalBoost is compared, not used: it lies beside the environment.
build/hazardous/ready: benchmarks/closing-requirements.txt | setup
	"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --no-deps --target build/hazardous -r $<
	@touch $@

bench-closing: setup build/hazardous/ready
	$(BIN)/python -m benchmarks.closing

bench-truth: setup
	$(BIN)/python -m benchmarks.truth

bench-bpic2012: setup
	$(BIN)/python -m benchmarks.bpic2012

# The first time it makes its reference of a million draws, in about eight minutes.
bench-forecast: setup
	$(BIN)/python -m benchmarks.forecast
# The published protocol: every prefix of a loan case, three questions.
bench-bpic2012-prefix: setup
	$(BIN)/python -m benchmarks.bpic2012_prefix

# AutoGluon lives apart as well; where it cannot be installed the benchmark goes on without it and says so.
build/autogluon-venv/ready: benchmarks/autogluon-requirements.txt
	"$(PYTHON)" -m venv --clear build/autogluon-venv
	build/autogluon-venv/bin/pip install --quiet --disable-pip-version-check -r $< && touch $@

# AUTOGLUON_S=0 leaves AutoGluon out; SETS=ibm,salvirt compares on those only.
bench-peers: setup
	@[ "$${AUTOGLUON_S:-900}" = 0 ] || $(MAKE) build/autogluon-venv/ready || rm -rf build/autogluon-venv
	$(BIN)/python -m benchmarks.model_peers

# Ways to calibrate, and whose bounds hold what they say.
bench-calibration: setup
	$(BIN)/python -m benchmarks.calibration

# At which level a score should start into the time to come; SETS=bank,opportunities compares on those only.
bench-levels: setup
	$(BIN)/python -m benchmarks.levels

# ONLY=sim or ONLY=bpic2012 for one of both, SIZE=2k for a shorter form.
bench-backtest: setup
	$(BIN)/python -m benchmarks.backtest

clean-demo:
	rm -rf $(DEMO)
