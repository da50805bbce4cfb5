# Two commands do everything: `make serve` starts a talking agent, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: serve test mutants bench docs clean
.DEFAULT_GOAL := test

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/demo: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[demo]'
	@$(BIN)/python -m compileall -q src  # the first start is as quick as all others
	@touch $@

$(VENV)/installed: pyproject.toml | $(BIN)/python
	@# of these 17,000 modules the tests import one in six, and compile it then
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile --editable '.[dev]'
	@touch $@

serve: $(VENV)/demo  ## a server with a talking agent
	@$(BIN)/turnwise serve

test: $(VENV)/installed  ## lint, types, layers, documents and tests
	@BIN=$(BIN) sh scripts/check

mutants: $(VENV)/installed  ## plant bugs in the engine and count those that the tests find
	@$(BIN)/python scripts/mutants.py

bench: $(VENV)/installed  ## figures: events a second, an hour of conversation, replay
	@$(BIN)/python benchmarks/engine.py

docs: $(VENV)/installed  ## write the generated reference pages again
	@$(BIN)/python scripts/reference.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
