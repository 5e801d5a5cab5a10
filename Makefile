# SPDX-License-Identifier: BSD-3-Clause
# `make demo` and `make test` are all the set-up there is: what they need, they make in .venv.

# a Python to build .venv from; where not given, the first of these that is new enough
PYTHON ?=
CANDIDATES := python3.12 python3.13 python3
BIN := .venv/bin
# the stamp's name holds a checksum of what was installed: changed requirements are installed anew
STAMP := .venv/installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
TOPIC ?=
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 12))

.DEFAULT_GOAL := help
.PHONY: help install demo test acceptance lint docs bench peers

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

install: $(STAMP)  ## make .venv with the versions of constraints.txt (the other targets do this by themselves)

$(STAMP): | .venv/bin/python
	@$(BIN)/python -c '$(NEW_ENOUGH)' || { \
	  echo "Pellucid needs Python 3.12 or newer, but .venv holds an older one: remove .venv and try again." >&2; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dev,ctapipe]"
	@rm -f .venv/installed-* && touch $@

.venv/bin/python:
	@for python in $(if $(PYTHON),$(PYTHON),$(CANDIDATES)); do \
	  if "$$python" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Pellucid needs Python 3.12 or newer, but $$python is" \
	       "$$("$$python" --version 2>/dev/null || echo not there): install one," \
	       "or name it with 'make PYTHON=/path/to/python3.12'." >&2; exit 1; fi; \
	echo "making .venv with $$("$$found" --version) (once; this installs packages)"; \
	if ! "$$found" -m venv .venv >/dev/null 2>&1; then \
	  rm -rf .venv; \
	  echo "$$found cannot make a virtual environment: on Debian and Ubuntu run" \
	       "'apt install python3-venv' as root, then try again." >&2; exit 1; fi

demo: $(STAMP)  ## simulate four telescopes, calibrate them, compare with the truth (pellucid-demo/)
	@rm -rf pellucid-demo
	@$(BIN)/pellucid demo

test: $(STAMP)  ## run the tests, on all cores
	@$(BIN)/python -m pytest -n auto --dist worksteal

acceptance: $(STAMP)  ## run the full proof of one topic, e.g. TOPIC=first_light; of all where none is named
	@$(if $(TOPIC),test -f tests/acceptance/test_$(TOPIC).py || { \
	  echo "There is no topic '$(TOPIC)'; known are:" \
	       $(patsubst tests/acceptance/test_%.py,%,$(wildcard tests/acceptance/test_*.py)) >&2; exit 2; })
	@$(BIN)/python -m pytest --full -s \
	  $(if $(TOPIC),$(wildcard tests/acceptance/test_$(TOPIC).py tests/acceptance/test_$(TOPIC)_*.py),tests/acceptance)

lint: $(STAMP)  ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(STAMP)  ## build the documentation into docs/_build
	@$(BIN)/python docs/build.py docs/_build

bench: $(STAMP)  ## measure the headline numbers, quickly
	@set -e; for script in $(filter-out bench/make_% bench/peers.py bench/made_up.py bench/clock.py bench/butler_peer.py,$(wildcard bench/*.py)); do $(BIN)/python $$script --quick; done

peers: $(STAMP)  ## install the packages Pellucid is measured against, in an environment of their own
	@$(BIN)/python bench/make_peers.py
