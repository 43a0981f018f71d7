# Needs make, a Python from 3.11 on and the package index; everything else goes into .venv.

.PHONY: help demo launch accel test examples lint fuzz torture torture-long sim conformance coverage replay-versions mutants bench soak hostile drills alerts image lock audit sbom clean
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin

help:
	@echo "make demo     install, run the demo market on loopback, trade on it, verify its journal"
	@echo "make launch   the launch of the national market and seven pilots, replayed in a minute and proven from"
	@echo "              its journal: launch/report.html; LAUNCH='--days 5 --seed 2' for another one"
	@echo "make test     everything that CI runs: lint, types, tests"
	@echo "make examples  what the clients in other languages (proto/examples) need, for make test to try them too"
	@echo "make lint     formatting, style, types and the Dockerfile"
	@echo "make fuzz     bytes that are nearly right, for ever; FUZZ='--seconds 60' or '--inputs 100000' of each kind"
	@echo "make torture  kill the engine 10,000 times under load, fail its disk 100 times, and in simulation cut"
	@echo "              the power and flip bits at 20,000 places each: an hour at most; TORTURE=--small to try it"
	@echo "make torture-long  the same with 50,000 kills and a million places: some hours"
	@echo "make sim      engine, disk, network and clock in worlds of chance, until one fails or Ctrl-C;"
	@echo "              SEED=7 for one of them, SEEDS=1000 for so many, STEPS=4000 for longer ones"
	@echo "make conformance  what docs/conformance.md says of the matching core, all of it again: half an hour"
	@echo "make replay-versions  a journal of a million commands, executed again by CPython 3.11, 3.12 and 3.13;"
	@echo "              PYTHONS='python3.12 /path/to/python3.13' for others, COMMANDS=10000 for fewer"
	@echo "make accel    compile the matching core, run its tests so, and a journal both ways"
	@echo "make coverage  the tests of the matching core run every branch of it"
	@echo "make mutants  change the matching core in 16,000 ways, each of which its tests should notice; SAMPLE=1000"
	@echo "              for so many by chance, SEED=2 for others, FILES='stops clearing' for a part of it"
	@echo "make bench    load the engine over TCP and compare it with the limits of this machine; a page with plots"
	@echo "              in build/bench"
	@echo "make soak     ten minutes of a moderate load, and whether memory, files or latency drifted meanwhile;"
	@echo "              SOAK='--seconds 3600 --rate 10000' for another one, at most a day"
	@echo "make hostile  what floods, silent readers, overload and lost connections cost the others"
	@echo "make alerts   cause what alerts are for, and see them fire and clear in a real Prometheus: some minutes"
	@echo "make drills   upgrade from an older commit of this repository and back again: DRILL_FROM=COMMIT for another one"
	@echo "make image    the image of the Dockerfile, built without a Docker engine (buildah, mmdebstrap; as root), and run"
	@echo "make lock     lock the packages anew, with hashes; UPGRADE=1 for newer versions of all"
	@echo "make audit    ask for known vulnerabilities of the locked packages (network), and look for our own"
	@echo "make sbom     the bill of materials in dist/carbonmatch.cdx.json"
	@echo "make clean    remove what the others have made"

demo: $(VENV)/.installed
	$(BIN)/carbonmatch demo

# LAUNCH: --seed N, --days N, --companies N, --out DIR, --data-dir DIR.
launch: $(VENV)/.installed
	$(BIN)/carbonmatch launch $(LAUNCH)

test: lint coverage
	$(BIN)/pytest --ignore=tests/matching

# What is not there is told, and its tests are skipped; .ci/run has the names of Debian's packages.
examples:
	@if command -v npm > /dev/null; then npm ci --silent --no-audit --no-fund --prefix proto/examples/javascript; \
	  else echo "carbonmatch: no npm: nobody tries proto/examples/javascript" >&2; fi
	@if [ -e /usr/include/msgpack.hpp ]; then $(MAKE) --silent -C proto/examples/cpp; \
	  else echo "carbonmatch: no msgpack-cxx: nobody tries proto/examples/cpp" >&2; fi

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

# FUZZ: targets, --inputs N, --seconds S, --seed S.
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz $(FUZZ)

# TORTURE: --small for some seconds of each part, --parts NAMES for some of them.
torture: $(VENV)/.installed-dev
	$(BIN)/python -m tests.torture $(TORTURE)

# Some hours. Whatever fails says its seed, and keeps its journal.
torture-long: $(VENV)/.installed-dev
	$(BIN)/python -m tests.torture.kill --kills 50000 --seed 2000 --jobs 2
	$(BIN)/python -m tests.torture.kill --kills 1000 --seed 3000 --segment-kib 0
	$(BIN)/python -m tests.journal.damage --cuts 1000000 --flips 1000000
	$(BIN)/python -m tests.faults.one_failure --calls 200
	$(BIN)/python -m tests.simulation --seed 10000 --seeds 5000
	$(BIN)/python -m tests.server.determinism --commands 1000000 --seed 1
	$(BIN)/python -m tests.matching.side_by_side --commands 1000000 --seed 1

# See docs/conformance.md.
conformance: $(VENV)/.installed-dev
	$(BIN)/python -m tests.conformance
	$(BIN)/python -m tests.matching.side_by_side --commands 200000 --seed 1
	$(BIN)/python -m tests.matching.state_machine --examples 5000 --steps 80

# Each in a virtual environment of its own, as an installation would be. One that there is not is told.
PYTHONS := python3.11 python3.12 python3.13
replay-versions: $(VENV)/.installed-dev
	@given=; for python in $(PYTHONS); do \
	  name=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || { \
	    echo "$$python does not run here" >&2; continue; }; \
	  venv=.venv-$$name; \
	  if [ ! -e $$venv/.installed ]; then \
	    echo "installing requirements/runtime.txt for CPython $$name"; \
	    rm -rf $$venv; "$$python" -m venv $$venv && $$venv/bin/python -m pip install --quiet \
	      $(if $(UNLOCKED),.,--require-hashes --requirement requirements/runtime.txt) \
	      && touch $$venv/.installed || exit 1; \
	  fi; \
	  given="$$given --python $$venv/bin/python"; \
	done; \
	$(BIN)/python -m tests.server.replay_versions --commands $(or $(COMMANDS),1000000) $$given

# In a copy, since the compiler writes beside what it compiles, and what lies there would be run.
accel: $(VENV)/.installed-dev
	rm -rf build/accel
	mkdir -p build/accel
	cp -r src tests bench proto docs deploy examples LICENSE *.md *.toml build/accel
	cd build/accel && HATCH_BUILD_HOOK_ENABLE_MYPYC=true $(CURDIR)/$(BIN)/python -m pip wheel --quiet --no-deps \
	  --wheel-dir dist .
	cd build/accel && $(CURDIR)/$(BIN)/pytest tests/matching
	$(BIN)/python -m tests.server.replay_versions --commands $(or $(COMMANDS),200000) \
	  --versions $$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
	  --source src --source build/accel/src

coverage: $(VENV)/.installed-dev
	$(BIN)/pytest tests/matching --cov=src/carbonmatch/matching --cov-branch --cov-fail-under=100

# What of the core may be wrong without a test noticing is looked for by changing it. MUTANTS='--minutes 5' stops,
# and goes on the next time; MUTANTS='--only NAME' tries one.
mutants: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --editable '.[mutants]'
	$(BIN)/python -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(FILES),--files $(FILES)) $(MUTANTS)

sim: $(VENV)/.installed-dev
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(STEPS),--steps $(STEPS)) $(if $(TRACE),--trace)

bench: $(VENV)/.installed-dev
	@mkdir -p build/bench
	$(BIN)/python -m bench spine --json build/bench/spine.json --html build/bench/spine.html --hgrm build/bench

soak: $(VENV)/.installed-dev
	@mkdir -p build/bench
	$(BIN)/python -m bench load soak --json build/bench/soak.json --html build/bench/soak.html $(SOAK)

hostile: $(VENV)/.installed-dev
	$(BIN)/python -m bench hostile flood
	$(BIN)/python -m bench hostile subscribers
	$(BIN)/python -m bench hostile overload
	$(BIN)/python -m bench hostile pull

# Needs Debian's package prometheus, a C compiler, and root for a disk of its own; says what it leaves out.
alerts: $(VENV)/.installed-dev
	$(BIN)/pytest -rs tests/deploy/*_live.py

# The last commit whose engines write the oldest state that is read. In a directory of its own, which says what went on.
DRILL_FROM := 9dc5a76
drills: $(VENV)/.installed-dev
	rm -rf build/drills
	mkdir -p build/drills
	$(BIN)/python -m tests.drills.upgrade --commit $(DRILL_FROM) --directory build/drills

# See deploy/image.sh for machines whose packages come from elsewhere.
image: $(VENV)/.installed
	@deploy/image.sh build/image || { status=$$?; \
	  if [ $$status = 3 ]; then echo "carbonmatch: the image is NOT built, see above" >&2; fi; exit $$status; }
	$(BIN)/python -m tests.deploy.image build/image

clean:
	rm -rf $(VENV) .venv-supply .venv-3.* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build demo-data .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- supply chain ---------------------------------------------------------------------------------

LOCKS := runtime dev build supply
SUPPLY := .venv-supply/bin
LOCK = $(SUPPLY)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-package carbonmatch --quiet $(if $(UPGRADE),--upgrade)

# Every package that an installation needs, on every supported Python and platform, with the hashes of
# its files: an index can then withhold files, but not change them. UPGRADE=1 takes the newest versions.
lock: .venv-supply/.installed
	$(LOCK) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(LOCK) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	$(LOCK) --group supply --output-file requirements/supply.txt

# Asks a vulnerability service about every locked version: needs the network, so `make test` does not. Where it
# gets no answer, the index is asked for what it knows of the newest versions (see tests/audit.py): 1 where
# something is known against a package, 3 where nobody could say anything about one.
audit: .venv-supply/.installed
	$(SUPPLY)/bandit --quiet --recursive src --configfile pyproject.toml
	@locks=; for lock in $(LOCKS); do \
	  echo "requirements/$$lock.txt"; \
	  $(SUPPLY)/pip-audit --strict --requirement requirements/$$lock.txt --require-hashes --disable-pip \
	    --progress-spinner off || locks="$$locks requirements/$$lock.txt"; \
	done; \
	if [ -n "$$locks" ]; then \
	  echo "pip-audit did not pass; asking the index"; \
	  $(SUPPLY)/python tests/audit.py $$locks || { status=$$?; \
	    if [ $$status = 3 ]; then echo "carbonmatch: NOT wholly audited, see above" >&2; fi; exit $$status; }; \
	fi

# What is delivered, in CycloneDX: every package with its version and its hashes.
sbom: .venv-supply/.installed
	@mkdir -p dist
	$(SUPPLY)/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml \
	  --output-reproducible --of JSON --output-file dist/carbonmatch.cdx.json

.venv-supply/.installed: requirements/supply.txt $(VENV)/.created
	@$(BIN)/python -m venv --clear .venv-supply
	$(SUPPLY)/python -m pip install --quiet --require-hashes --requirement requirements/supply.txt
	@touch $@

# --- installation --------------------------------------------------------------------------------
# A stamp for each set of packages, so that the second run starts at once; new locks install again.
# The demo does without the development tools. Only locked files are installed, whatever index they
# come from; where that index lacks one of them, UNLOCKED=1 takes what it has.

$(VENV)/.installed: pyproject.toml requirements/runtime.txt requirements/build.txt $(VENV)/.created
	$(call install,runtime,.)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements/dev.txt requirements/build.txt $(VENV)/.created
	$(call install,dev,'.[dev]')
	@touch $@ $(VENV)/.installed

define install
@if [ -n "$(UNLOCKED)" ]; then \
  $(BIN)/python -m pip install --quiet --editable $(2); \
else \
  echo "installing requirements/$(1).txt"; \
  $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/$(1).txt \
      --requirement requirements/build.txt \
    && $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . \
    || { echo "carbonmatch: requirements/$(1).txt could not be installed; if the package index lacks one" \
         "of its files: make UNLOCKED=1 ..." >&2; exit 1; }; \
fi
endef

# The first of these that runs and is new enough: a name on the path may be an empty shim.
$(VENV)/.created:
	@for python in "$(PYTHON)" python3.11 python3.12 python3.13 python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "using $$("$$python" --version) in $(VENV)"; \
	    rm -rf $(VENV); \
	    "$$python" -m venv $(VENV) || { \
	      echo "carbonmatch: no virtual environment could be made; on Debian: apt install python3-venv" >&2; \
	      exit 1; }; \
	    touch $@; \
	    exit 0; \
	  fi; \
	done; \
	echo "carbonmatch needs Python 3.11 or newer, found $$(python3 --version 2>&1 || echo none);" \
	  "name another one with: make PYTHON=/path/to/python" >&2; \
	exit 1
