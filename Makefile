# Two commands are all a fresh machine needs: `make demo` and `make test`. Everything is installed into .venv, from a
# package index, in the versions that constraints.txt names.

PYTHON ?= python3
JOBS ?= 2
EVENTS ?= 10000000
CHROMIUM ?= chromium

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet install --no-build-isolation -c constraints.txt
SOURCES := $(shell find store tui fixtures -type f ! -name '*.pyc')
PICTURE := $(RUN) -m tui --demo --db $(VENV)/pictures.db --as ana --today 2020-01-20
COMPILE := $(RUN) -m compileall -q store tui fixtures

.DEFAULT_GOAL := help
.PHONY: help demo test soak bench screenshots clean

help:
	@echo 'make demo         install, build the demo incident, open the dashboard on it'
	@echo 'make test         install with the test tools, run the whole test suite'
	@echo 'make soak         the long runs that `make test` leaves out'
	@echo 'make bench        speed, as ratios against other tools on this machine'
	@echo 'make screenshots  make the pictures and the tables of the README again'
	@echo 'make clean        remove .venv and everything built'
	@echo 'Variables: PYTHON=$(PYTHON) (3.11 or later), JOBS=$(JOBS) (test processes), EVENTS=$(EVENTS) (of the benchmarks), CHROMIUM=$(CHROMIUM) (draws the report)'

demo: $(VENV)/.demo
	$(RUN) -m tui --demo --today 2020-01-20

test: $(VENV)/.test
	$(RUN) -m pytest -m 'not soak' -n $(JOBS) --dist worksteal

soak: $(VENV)/.test
	$(RUN) -m pytest -m soak -n $(JOBS) --dist worksteal

bench: $(VENV)/.test
	$(RUN) -m tests.bench --events $(EVENTS)

screenshots: $(VENV)/.demo
	mkdir -p docs/pictures
	$(PICTURE) --size 120x40 --screenshot docs/pictures/board-120x40.svg
	$(PICTURE) --size 80x24 --press 'p p' --screenshot docs/pictures/recent-80x24.svg
	$(PICTURE) --size 120x40 --press enter --screenshot docs/pictures/case-120x40.svg
	$(PICTURE) --size 80x24 --press '3 z' --screenshot docs/pictures/audit-80x24.svg
	$(PICTURE) --size 120x40 --press '2 z' --screenshot docs/pictures/timeline-120x40.svg
	$(PICTURE) --size 200x50 --press '2 z 1 j j j j' --screenshot docs/pictures/timeline-200x50.svg
	$(PICTURE) --size 120x40 --press '2 z b' --screenshot docs/pictures/bands-120x40.svg
	$(PICTURE) --size 80x24 --press '2 b b' --screenshot docs/pictures/calendar-80x24.svg
	$(PICTURE) --size 120x40 --press 'P m 6 5 3 1 0 2 8 enter enter' --screenshot docs/pictures/events-120x40.svg
	$(PICTURE) --size 120x40 --press 'g 2 z b b b' --screenshot docs/pictures/weeks-120x40.svg
	$(PICTURE) --size 120x40 --press 'A' --screenshot docs/pictures/stages-120x40.svg
	$(PICTURE) --size 120x40 --press 'O l l l l' --screenshot docs/pictures/people-120x40.svg
	$(PICTURE) --size 120x40 --press d --screenshot docs/pictures/sheet-120x40.svg
	$(PICTURE) --size 120x40 --press 'w ] ] ] j [ j j space' --screenshot docs/pictures/what-if-120x40.svg
	cp -f $(VENV)/pictures.db $(VENV)/report.db
	$(RUN) -m store report --db $(VENV)/report.db --today 2020-01-20 --as ana --to $(VENV)/report.html --force
	$(CHROMIUM) --headless --no-sandbox --hide-scrollbars --window-size=1280,1400 \
	  --screenshot=docs/pictures/report.png file://$(CURDIR)/$(VENV)/report.html
	$(RUN) -m tests.readme_tables

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv without its stamp is the rest of an installation that was interrupted: begin again. Likewise an old build/
# would put deleted modules back into the wheel.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo 'no $(PYTHON) here: install Python 3.11 or later, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: Overscope needs 3.11 or later; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo 'python3 -m venv does not work here: install the package python3-venv (sudo apt-get install python3-venv), then run make again' >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip --disable-pip-version-check --quiet install -c constraints.txt setuptools
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt $(SOURCES)
	rm -rf build
	$(PIP) .
	$(COMPILE)
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt $(SOURCES)
	rm -rf build
	$(PIP) '.[test]'
	$(COMPILE)
	touch $(VENV)/.demo $@
