# Two commands do everything: `make demo` and `make test`. Both set up first.
PYTHON ?= python3
BIN := .venv/bin
ROOMS := schemas connectors transforms warehouse pipelines embedded sandbox operations
ALL := $(ROOMS) templates benchmarks tests setup.py
RELEASE ?=
IMAGE ?= salesintel
TAG = $(or $(RELEASE),$(shell git rev-parse --short HEAD))
.DEFAULT_GOAL := help

help: ## What the targets do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: .venv/ready ## A virtual environment with the locked packages

.venv/ready: requirements-local.txt setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 13) or sys.exit("Python 3.11 or 3.12 is needed, this is %d.%d: make PYTHON=python3.11 …" % v)'
	@echo "Setting up .venv (about two minutes, once) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-local.txt
	@$(BIN)/python -W ignore -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check --quiet
	@touch $@

demo: setup ## A small company through the whole system, with results; under three minutes
	@$(BIN)/salesintel demo

up: setup ## Starts the whole system in this terminal; Ctrl-C stops it
	@$(BIN)/salesintel up

test: setup ## Every test, with branch coverage
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term -m "not exhaustive"

test-fast: setup ## The tests that take no time
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "not slow and not exhaustive"

test-exhaustive: setup ## Every test and every case
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --hypothesis-profile=searching

lint: setup ## ruff's rules; no unfinished marks
	@$(BIN)/ruff check $(ALL)
	@git grep -nIwE 'TO''DO|FIX''ME' -- . ':!requirements*.txt'; test $$? -eq 1

format: setup ## Formats the code
	@$(BIN)/ruff format -q $(ALL)
	@$(BIN)/ruff check -q --select I --fix $(ALL)

format-check: setup ## Fails where `make format` would change something
	@$(BIN)/ruff format --check $(ALL)

typecheck: setup ## mypy --strict
	@$(BIN)/mypy

security-check: setup ## bandit, known vulnerabilities, secrets in the tree
	@$(BIN)/bandit -q -r $(ROOMS) -c pyproject.toml
	@$(BIN)/python .ci/find_secrets.py
	@.ci/audit

NAMED := $(ENVIRONMENT)
ENVIRONMENT ?= dev
WITHIN ?= 1h
export SALESINTEL_PROJECT
RELEASED = $(BIN)/salesintel release
OF = --environment $(ENVIRONMENT) --release $(TAG) $(if $(REPLACE),--replace) $(if $(THIS_CHECKOUT),--this-checkout)

plan: setup ## What a release would change: ENVIRONMENT=dev, RELEASE=tag of the image, default this commit's
	@$(RELEASED) plan $(OF)

deploy: setup ## Brings the release that is checked out to the cloud; REPLACE=1 where Dataflow refused to update the job
	@$(RELEASED) deploy $(OF) --yes

verify: setup ## Whether this machine, or ENVIRONMENT=prod, does what it should, WITHIN=1h, 24h or 7d; 0 well
	@$(if $(NAMED),$(RELEASED) verify --environment $(ENVIRONMENT),$(BIN)/salesintel verify) --within $(WITHIN)

drain: setup ## Ends the stream when all that it has read is written
	@$(RELEASED) drain $(OF) --yes

rollback: setup ## Back to an older release, which is checked out: RELEASE=the one before
	@$(RELEASED) rollback $(OF) --yes

tools: ## Builds fake-gcs-server with Go: cursors are tested against it wherever it is
	@GOBIN=$(CURDIR)/.tools go install github.com/fsouza/fake-gcs-server@v1.56.1

bench: setup ## Every figure in the README, measured here; about ten minutes
	@$(BIN)/python -m benchmarks

bench-er: setup ## Identity alone: accuracy, a million records, and its peers where they are installed
	@SALESINTEL_ER_RECORDS=$${SALESINTEL_ER_RECORDS:-1000000} $(BIN)/python -m benchmarks er

bench-views: setup ## Every view over 200,000 interactions, ten times each; some minutes
	@$(BIN)/python -m benchmarks views

schemas: setup ## Rewrites what is generated from schemas/
	@$(BIN)/python -m schemas.generate
	@$(BIN)/python -m warehouse.cost

views-docs: setup ## Rewrites docs/views.md from the metadata of the views
	@$(BIN)/python -m warehouse.generate

configuration: setup ## Rewrites docs/settings.md from the classes that read the settings file
	@$(BIN)/python -m operations.settings_page

permissions: setup ## Rewrites docs/permissions.md, and who rehearses which runbook in docs/cloud.md
	@cd tests/terraform && ../../$(BIN)/python permissions_page.py
	@$(BIN)/python tests/operations/rehearsals.py

push: ## Pushes the image of a release: IMAGE=<output repository of Terraform>/salesintel RELEASE=<tag>, default this commit
	@gcloud auth configure-docker --quiet "$(firstword $(subst /, ,$(IMAGE)))"
	@docker push "$(IMAGE):$(TAG)"

terraform: setup ## terraform init, validate and test without a network, each with its time
	@cd tests/terraform && ../../$(BIN)/python timed.py

mutations: setup ## Makes mistakes in terraform/, one by one, and says which test notices each
	@cd tests/terraform && ../../$(BIN)/python mutations.py

checkov: ## A second checker over terraform/, where it is installed; what it may find is listed there
	@if command -v checkov >/dev/null; then checkov --config-file terraform/.checkov.yaml; \
	else echo "terraform/ was NOT checked by checkov: it is not installed (pipx install checkov)"; fi

golden: setup ## Rewrites the golden files: the graph's interface, jobs as they are submitted
	@$(BIN)/python tests/pipelines/graph_interface.py
	@$(BIN)/python tests/templates/submitting.py

templates: setup ## Rewrites templates/*.json, the metadata of the Flex Templates
	@$(BIN)/python -m pipelines.metadata

update-check: setup ## Whether the job of a release can be updated to this tree: RELEASE=<tag or commit>
	@test -n "$(RELEASE)" || { echo "name the release that runs: make update-check RELEASE=0123abc"; exit 2; }
	@git show "$(RELEASE):tests/templates/golden/stream.txt" > .running.txt && \
	  $(BIN)/python -m pipelines.compatibility .running.txt tests/templates/golden/stream.txt; \
	  status=$$?; rm -f .running.txt; exit $$status

BASES = $$(sed -n 's/^[A-Z].*/--build-arg &/p' templates/bases.env)

bases: ## Pins the images that ours is built on anew, by digest, in templates/bases.env; needs a network
	@$(PYTHON) templates/bases.py --renew

image: ## Builds the image of launcher and workers; needs Docker and a network
	@command -v docker >/dev/null || { echo "docker is not here: install it, or build in the cloud: gcloud builds submit --config templates/cloudbuild.yaml"; exit 2; }
	@docker info >/dev/null 2>&1 || { echo "docker does not answer: start its daemon, or build in the cloud: gcloud builds submit --config templates/cloudbuild.yaml"; exit 2; }
	@$(PYTHON) templates/bases.py $(if $(FROZEN),--frozen)
	@DOCKER_BUILDKIT=1 docker build --file templates/Dockerfile $(BASES) --build-arg RELEASE=$(TAG) --tag $(IMAGE):$(TAG) . || \
	  { echo "the image was not built: three images and the packages of requirements.txt have to be reached (templates/Dockerfile)"; exit 1; }

lock: setup ## Resolves the pins in setup.py anew
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-strip-extras --no-header --universal --python-version 3.11 setup.py -o requirements.txt
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-strip-extras --no-header --universal --python-version 3.11 setup.py --extra local -c requirements.txt -o requirements-local.txt

clean: ## Removes what was built; data directories stay
	@rm -rf .venv build *.egg-info .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: bases bench bench-er bench-views checkov clean configuration demo deploy drain format format-check golden help image lint lock mutations permissions plan push rollback schemas security-check setup templates terraform test test-exhaustive test-fast tools typecheck up update-check verify views-docs
