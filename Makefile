SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run talk test check format bench lock docs pictures

BIN := .venv/bin

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## Set up .venv with everything that serving needs
	@tools/setup.sh run

setup-dev: ## The same, and what tests, checks and benchmarks need
	@tools/setup.sh dev

run: setup ## Serve on http://127.0.0.1:8765 (another port: make run SOTTOVOCE_PORT=9000)
	@exec $(BIN)/sottovoce serve

talk: setup ## Play a spoken sentence to a server of its own and show the conversation
	@exec $(BIN)/sottovoce talk examples/reminder.wav

test: setup-dev ## Set up and run every test
	$(BIN)/pytest -n 3 --dist worksteal
	npm test --silent

check: setup-dev ## Lint, formatting, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npx --no-install tsc -p .
	$(BIN)/pytest -q tests/test_architecture.py

format: setup-dev ## Put the code into the house's form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: setup-dev ## Write anew what is made from code: diagrams and reference tables
	$(BIN)/python -m tools.make_docs

pictures: setup-dev ## Take the pictures of the pages anew, into docs/pictures
	node tests/web/pictures.js

bench: setup-dev ## Measure: commands understood, sessions a core (beside Pipecat), sessions created a second, what lockdown, a language model and Valkey cost
	$(BIN)/python -m bench.commands
	$(BIN)/python -m bench.sessions --peer
	$(BIN)/python -m bench.creates
	$(BIN)/python -m bench.sealing
	$(BIN)/python -m bench.lockdown
	$(BIN)/python -m bench.model_overhead
	$(BIN)/python -m bench.store

lock: setup-dev ## Resolve the dependencies anew, into requirements/*.txt
	@tools/lock.sh
