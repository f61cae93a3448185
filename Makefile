# The commands of this project; `make help` lists them.

# What the items are, byte for byte: a value of the environment or the command line is never expanded by make.
ifneq ($(origin MESSAGES),undefined)
override export MESSAGES := $(value MESSAGES)
endif

# People have production in these.
unexport KUBECONFIG $(filter K8S_AUTH_%,$(.VARIABLES))
export CLUSTER_KUBECONFIG ENGINE_IMAGES

# No proxy leads to the API server of the local cluster.
comma := ,
export NO_PROXY := $(addsuffix $(comma),$(or $(NO_PROXY),$(no_proxy)))10.96.0.1
export no_proxy := $(NO_PROXY)

PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
LINK := collections/ansible_collections/argo/workflows
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.DEFAULT_GOAL := help
.PHONY: help demo cluster cluster-down kubeconfig kubernetes engine test unit lint test-cluster bench soak docs clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(if $(CLUSTER_KUBECONFIG),,kubernetes) engine ## boot a cluster, install Argo, run the GPU fan-out (MESSAGES='["a","b"]', CLUSTER_KUBECONFIG=FILE, ENGINE_IMAGES=DIR)
	@ansible-playbook playbooks/quickstart.yml

cluster: kubernetes engine ## boot the throw-away Kubernetes on this machine (root; the first time both are built, about 12 minutes)
	@ansible-playbook playbooks/local_cluster.yml

cluster-down: venv ## stop that Kubernetes and leave nothing behind
	@ansible-playbook playbooks/local_cluster.yml -e local_cluster_state=absent

kubeconfig: ## print the path of its kubeconfig
	@echo /var/lib/argo-workflows-local-cluster/kubeconfig

kubernetes: venv ## build that Kubernetes (once, about 7 minutes on 2 cores)
	@python roles/local_cluster/files/build.py >/dev/null

engine: venv ## choose the Argo for it, and build that where no registry has it (once, about 5 minutes; ENGINE_IMAGES=DIR)
	@PYTHONPATH=collections python -m ansible_collections.argo.workflows.tests.engine.choose

test: venv ## run every test: lint, unit, faults, sanity, the cluster
	@python tests/run.py

unit: venv ## run the tests that need no cluster
	@pytest -q

.PHONY: format
format: venv ## format the Python files, and mend what ruff can mend
	@ruff format . && ruff check --fix .

lint: venv ## run the linters, the type checker and the checks of imports and documentation
	@python tests/run.py lint

test-cluster: venv ## run the tests on the cluster (ENGINE_IMAGES=DIR: with the Argo of these image archives)
	@python tests/run.py cluster

bench: cluster ## measure beside argo, kubectl and kubernetes.core, write docs/benchmarks.md (BENCH=name,... ARGO=FILE KUBECTL=FILE)
	@PYTHONPATH=collections python -m ansible_collections.argo.workflows.tests.bench

soak: cluster ## run 1,000 pods for up to 30 minutes while the cluster is disturbed (SOAK_SEED=N SOAK_FANOUTS=N SOAK_FAULTS=name,...)
	@PYTHONPATH=collections python -m ansible_collections.argo.workflows.tests.soak

.PHONY: scenario
scenario: $(if $(NAME),cluster) ## run one Molecule scenario on the local cluster (NAME=wait)
	$(if $(NAME),,$(error make scenario needs NAME=, one of $(filter-out default,$(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))))
	@molecule test --scenario-name $(NAME) --destroy=never

docs: venv ## check the documentation of modules and roles
	@antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

clean: ## remove what make created in this folder (the cluster and the cache stay)
	@rm -rf .venv .cache .ansible logs tests/output collections/ansible_collections inventories/local/host_vars

.PHONY: venv
venv: .venv/.complete $(LINK)

.venv/.complete: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is Python " + sys.version.split()[0] + ", and this project needs 3.11 or newer: install it, or name it with make PYTHON=...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get update -qq && apt-get install -qq -y python3-venv; }
	@echo "Creating the virtual environment .venv (about a minute)."
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@
