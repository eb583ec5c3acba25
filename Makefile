# What everybody runs. Each target makes the virtual environment that it needs, once.
PYTHON ?= python3
RUN  := .venv
DEV  := .venv-dev

.PHONY: demo test lint bench fuzz asan format schema clean

$(RUN)/ready: pyproject.toml
	$(PYTHON) -m venv $(RUN)
	$(RUN)/bin/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(DEV)/ready: pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(RUN)/ready ## stand-in endpoints and a demo zone on 127.0.0.1:5300
	$(RUN)/bin/gslb demo

test: $(DEV)/ready ## the whole suite
	tests/peers/install.sh
	$(DEV)/bin/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(DEV)/ready ## style, types, layers, example policies
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	$(DEV)/bin/gslb check policies

bench: $(DEV)/ready ## measured numbers, never asserted
	$(DEV)/bin/python -m tests.bench $(ARGS)

fuzz: $(DEV)/ready ## the fuzz targets, a minute each; ARGS="--seconds 600 --keep FOLDER" for longer
	$(DEV)/bin/python -m tests.fuzz $(ARGS)

asan: $(DEV)/ready ## the data plane's tests under gcc's sanitizers
	PYTHON=$(DEV)/bin/python tests/fuzz/asan.sh $(ARGS)

format: $(DEV)/ready
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

schema: $(DEV)/ready ## write the JSON Schema of the policy language again
	$(DEV)/bin/python -m gslb.policy.schema

clean:
	rm -rf $(RUN) $(DEV) .demo build dist *.egg-info
