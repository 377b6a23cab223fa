# The two commands: `make demo` and `make test`. Everything else is a part of them or a refinement.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup setup-dev system-packages demo test test-fast check bench docs format clean

# The product and nothing more: no torch.
setup: .venv/ready
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

# What tests, checks and benchmarks need besides. torch is asked for by its exact version, which
# keeps pip from choosing a build with gigabytes of accelerator libraries.
setup-dev: .venv/ready-dev
.venv/ready-dev: .venv/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cluster,dev,teach,openvino,heic,serve]'
	touch $@

# make demo             draws its own photographs
# make demo PHOTOS=dir  uses yours
demo: setup
	$(BIN)/tiefvision demo $(if $(PHOTOS),--photos "$(PHOTOS)")

test: setup-dev system-packages
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# A browser and a database server, where they may be installed.
system-packages:
	tests/system_packages.sh

test-fast: setup-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not slow"

check: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

# Every figure of docs/benchmarks.md, at full size. Needs TIEFVISION_PHOTOS.
bench: setup-dev
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/indexing.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/guess.py
	$(BIN)/python benchmarks/location.py
	$(BIN)/python benchmarks/teaching.py
	$(BIN)/python benchmarks/refill.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/serving.py

# The generated page of every command and option.
docs: setup-dev
	COLUMNS=100 $(BIN)/python -m typer tiefvision.cli utils docs --name tiefvision > docs/reference/cli.md

format:
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv demo build
