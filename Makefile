# The only commands a newcomer needs. Needs Python 3.11 or newer, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup demo test equal check bench format lock lock-library reference clean

setup: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(STAMP) ## the main job on the shipped knowledge base
	PATH="$(BIN):$$PATH" sh docs/demo.sh

test: $(STAMP) ## format, lint, types, floors, then all tests
	$(MAKE) check
	$(BIN)/python -m pytest -n 2 --cov --cov-report= --durations=10
	$(BIN)/python -m coverage report --include='tmkb/derive.py,tmkb/rate.py' --fail-under=100 --show-missing

equal: $(STAMP) ## the slow references on every shipped release, not on one of each family; takes an hour
	TMKB_EVERY_RELEASE=1 $(BIN)/python -m pytest -n 2 --durations=10 tests/shapes/test_engines.py tests/property/test_closure_equal.py tests/property/test_closure_proofs.py

check: $(STAMP) ## what takes seconds
	$(BIN)/ruff format --check tmkb tests docs benchmarks
	$(BIN)/ruff check tmkb tests docs benchmarks
	$(BIN)/mypy -p tmkb -p benchmarks
	$(BIN)/lint-imports

bench: $(STAMP) ## how long and how large on 10, 100 and 1,000 devices; takes an hour or two, wants a quiet machine
	$(BIN)/python -m benchmarks.run --write-docs

format: $(STAMP)
	$(BIN)/ruff check --fix-only tmkb tests docs benchmarks
	$(BIN)/ruff format tmkb tests docs benchmarks

reference: $(STAMP) ## write docs/reference/ again
	$(BIN)/python docs/generate.py

lock: $(STAMP) ## pin every dependency with hashes
	$(BIN)/pip-compile --quiet --extra dev --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --no-header -o requirements.txt pyproject.toml

lock-library: $(STAMP) ## fix what the library says as the content of this version
	$(BIN)/python docs/lock_library.py

clean:
	rm -rf $(VENV) dist build *.egg-info .mypy_cache .ruff_cache
