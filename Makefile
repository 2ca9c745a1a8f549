# Nightforge: every target does its own set-up. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTHON := $(BIN)/python
PACKAGES := nightforge agents tools evaluators workflows sandbox
DEMO_GOAL ?= fast softmax over one row of 16 million floats
DEMO_MINUTES ?= 2.5
MEASURED := $(addprefix tests/hostile/kernels/test_hostile_,kernels.py threads.py) \
  $(addprefix tests/unit/evaluators/test_kernel_,evaluator.py duel.py contract.py profile.py threads.py)
BOXES := tests/contract/sandbox tests/hostile/sandbox tests/unit/sandbox
PYTEST := $(PYTHON) -m pytest -q --dist loadfile -m "not slow and not timing"

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: ## Virtual environment, pinned packages, system packages where it may (exit 6 with a list where not)
	@scripts/setup.sh

.PHONY: setup-eda
setup-eda: setup ## Synthesis tools and cell libraries for accelerator tasks: apt, or without root what works without it
	@scripts/setup_eda.sh

.PHONY: demo
demo: setup ## A short offline campaign: plan, rehearsal, search, confirmation, ranked table, report
	@$(BIN)/nightforge run "$(DEMO_GOAL)" --minutes $(DEMO_MINUTES) --yes

.PHONY: demo-record
demo-record: setup ## Run the demo and write its output into README.md
	@$(PYTHON) scripts/record_demo.py

.PHONY: test
test: setup ## All guards and all tests but the slow ones: what CI runs
	@$(MAKE) --no-print-directory --keep-going -j2 lint types pytest

.PHONY: pytest
pytest: setup
# Most tests wait as long as they compute, those of whole programs longer: more files run at once than a small machine
# has processors. What judges by a clock runs alone.
	@status=0; \
	$(PYTEST) -n 6 tests/e2e || status=1; \
	$(PYTEST) -n 4 $(foreach each,tests/e2e $(BOXES) $(MEASURED),--ignore $(each)) || status=1; \
	$(PYTEST) -n 2 $(BOXES) || status=1; \
	$(PYTEST) $(MEASURED) || status=1; \
	exit $$status

.PHONY: test-slow
test-slow: setup ## The tests that take minutes or measure: on a machine that is not loaded
	@$(PYTHON) -m pytest -q -m "slow or timing"

.PHONY: attacks
attacks: setup ## Every attack of the pack, bare and in every sandbox tier; writes the table of docs/security.md
	@PYTHONPATH=.:tests $(PYTHON) -m attack_pack --write

.PHONY: cheats
cheats: setup ## Every hostile kernel through the cascade; writes the table of docs/security.md
	@PYTHONPATH=.:tests $(PYTHON) -m attack_pack.cheats --write

.PHONY: lint
lint: setup ## ruff (rules and format) and the direction of imports
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(BIN)/lint-imports
	@$(PYTHON) scripts/prompts.py

.PHONY: types
types: setup ## mypy, strict, on packages and tests
	@$(PYTHON) -m mypy
	@$(PYTHON) -m mypy tests benchmarks scripts examples/extension/nightforge_sine

.PHONY: image
image: setup ## An image for the docker tier that shows this machine's /usr: a second, no registry, no network
	@$(PYTHON) -m sandbox.images host

.PHONY: image-debian
image-debian: setup ## An image with a Debian of its own, by debootstrap: root and a mirror, minutes, no registry
	@$(PYTHON) -m sandbox.images debian

.PHONY: image-registry
image-registry: setup ## The same from images/Dockerfile, whose base is pinned by digest
	@docker build -f images/Dockerfile --build-arg INIT_HASH=$$($(PYTHON) -m sandbox.images hash) -t nightforge-box:registry .

.PHONY: docs
docs: setup ## Regenerate the generated parts of docs/
	@$(PYTHON) scripts/docs.py

.PHONY: screenshots
screenshots: setup ## Pictures of the web pages into docs/images, with first paint and weight of each; needs chromium and pngquant
	@PYTHONPATH=. $(PYTHON) scripts/screenshots.py
	@WALK_PICTURES=1 $(PYTHON) -m pytest -q tests/e2e/web/test_walk.py

.PHONY: axe
axe: ## Fetch axe-core (accessibility checks, for tests only; MPL-2.0, never shipped) into build/ by npm
	@mkdir -p build && cd build && tar -xzOf "$$(npm pack axe-core@4.14.1 --silent)" package/axe.min.js > axe.min.js && rm -f axe-core-*.tgz

.PHONY: size
size: setup ## What the core packages weigh on disk, without bytecode
	@$(PYTHON) -m benchmarks.size

.PHONY: bench-orchestration
bench-orchestration: setup ## Platform cost of a candidate: 100, 1,000 and 4,000 candidates
	@$(PYTHON) -m benchmarks.orchestration

.PHONY: requirements
requirements: setup ## Recompile requirements/*.txt (UPGRADE=1 takes newer versions)
	@PYTHON=$(PYTHON) scripts/requirements.sh

.PHONY: clean
clean: ## Remove the virtual environment and all caches; stored campaigns stay
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
