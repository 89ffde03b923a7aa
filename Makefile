# Needs Python 3.11 or newer; everything else is installed into .venv.
SHELL := /bin/bash
ARGS ?=

.PHONY: help up rehearse test lint docs lock mutants proof

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

up:  ## try it: MemMachine on this machine, in containers where an engine answers, else as a process
	@tools/up.sh $(ARGS)

rehearse:  ## try a cloud: deploy against an embedded copy of Google Cloud
	@tools/rehearse.sh $(ARGS)

test:  ## lint, types, imports and every test that this machine can run
	@tools/test.sh $(ARGS)

lint:  ## style, types, imports
	@tools/environment.sh dev
	@tools/lint.sh

docs:  ## bring the generated parts of docs/ up to date
	@tools/environment.sh dev
	@.venv/bin/python -m memdeploy.config.docs

mutants:  ## apply each listed mutant and show which test turns red
	@tools/environment.sh dev
	@.venv/bin/python tests/mutants/run.py $(ARGS)

proof:  ## the long tests too, and what they found into docs/reliability.md
	@tools/proof.sh $(ARGS)

lock:  ## resolve the dependencies anew into requirements/ (needs uv)
	@tools/lock.sh
