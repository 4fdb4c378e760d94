# Homin. `make` alone lists what there is.
PORT ?= $(or $(HOMIN_PORT),8080)
NAME ?=
COUNT ?= 1000
TTL ?=
SECONDS ?= 120
CLIENTS ?= 5000
ROOMS ?= 1
SEED ?=
ARGS ?=
GATEWAYS ?= 2
ROUTERS ?= 2
FROM ?=
BASE ?=
ROUNDS ?= 2
MINUTES ?= 30
ONLY ?= curves

# pip and npm trust inside a build what this machine trusts: some networks have certificates of their own.
export HOMIN_BUILD_CA ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)

# Each command names here all that it needs, as if it were the first in a fresh clone: tests/clone tries that.
# Python is found anew for each; empty, with a sentence already printed, where there is none.
bootstrap = python=$$(tools/python) && "$$python" -B tools/bootstrap.py
engine = deploy/engine check
venv = .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run up down logs ps scale backup restore images test test-stack chaos flood storm lint token tokens migrate generate lock bench bench-curves bench-micro bench-serve release clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start Homin in one process, on http://127.0.0.1:8080; another port: make run PORT=9000
	@export HOMIN_PORT=$(PORT); $(bootstrap) port env web && exec $(venv) -m services.standalone

up: ## start the stack with Docker Compose, on http://localhost:8080; settings: .env.example
	@$(engine) && docker compose up --detach --build --wait

down: ## stop the stack; its data stay (docker compose down --volumes removes them)
	@$(engine) && docker compose down

logs: ## follow the stack's log; of one service: make logs ARGS=gateway
	@$(engine) && docker compose logs --follow --tail=100 $(ARGS)

ps: ## what runs in the stack, and how it is
	@$(engine) && docker compose ps --all

scale: ## more or fewer on running traffic: make scale GATEWAYS=4 ROUTERS=3
	@$(engine) && docker compose up --detach --wait --no-recreate --scale gateway=$(GATEWAYS) --scale router=$(ROUTERS)

backup: ## save the stack's messages, accounts and files into backups/<time>
	@deploy/backup

restore: ## replace all of the stack's data: make restore FROM=backups/<time>
	@deploy/restore "$(FROM)"

images: ## build the base images from Debian packages, for networks without a container registry
	@deploy/engine up && deploy/images/build $(ARGS)

test-stack: ## bring the stack up and try it with real faults, scaling, backup and a browser (under 15 minutes)
	@$(bootstrap) dev web
	@deploy/engine up && deploy/images/build --pull-first
	@$(venv) -m pytest tests/stack $(ARGS); status=$$?; deploy/engine down; exit $$status

test: ## install what is missing and run every test; some of them: make test ARGS="-k bus"
	@$(bootstrap) dev web
	@$(bootstrap) npm check; status=$$?; $(bootstrap) npm test || status=1; \
		$(venv) -m pytest $(ARGS) || status=1; exit $$status

chaos: ## break things at random while people talk, and check every promise: make chaos SECONDS=600 SEED=7
	@$(bootstrap) dev && $(venv) -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

flood: ## ten times more than the system can take, and what it does to those who behave: make flood SECONDS=120
	@$(bootstrap) dev && $(venv) -m tests.chaos.flood --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: ## ruff, mypy --strict, import-linter, and oxlint for the web client
	@$(bootstrap) dev
	@status=0; $(venv) -m ruff check . || status=1; $(venv) -m mypy || status=1; .venv/bin/lint-imports --no-logo || status=1; \
		$(bootstrap) npm lint || status=1; exit $$status

storm: ## kill a gateway under 5,000 clients and see how they come back: make storm CLIENTS=2000 ROOMS=50 BASE=1aad9b5
	@$(bootstrap) dev && $(venv) -m tests.chaos.storm --clients $(CLIENTS) --rooms $(ROOMS) $(if $(BASE),--base $(BASE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

token: ## print a token for tools, good for an hour or what TTL says: make token NAME=olena TTL=30d
	@test -n "$(NAME)" || { echo "Say whose: make token NAME=olena" >&2; exit 1; }
	@$(bootstrap) env
	@$(venv) -m services.accounts.tokens "$(NAME)" $(if $(TTL),--ttl "$(TTL)")

tokens: ## print many tokens, one a line: make tokens COUNT=1000 TTL=12h
	@$(bootstrap) env
	@$(venv) -m services.accounts.tokens --count $(COUNT) $(if $(TTL),--ttl "$(TTL)")

migrate: ## bring the database of HOMIN_DATABASE_URL to the newest schema
	@$(bootstrap) env
	@$(venv) -m tools.migrate

generate: ## write anew what is generated: types and schemas from shared/protocol, the list of common passwords
	@$(bootstrap) dev web
	@$(venv) -m shared.protocol.generate
	@$(venv) -m tools.common_passwords

lock: ## write the lock files anew from pyproject.toml; newer versions: make lock UPGRADE=1
	@$(bootstrap) dev
	@UPGRADE=$(UPGRADE) tools/lock

release: ## tag the version of pyproject.toml, and put source, page, image and checksums into dist/; publishes nothing
	@$(bootstrap) web && "$$python" -B tools/release.py

bench: ## compare with the peers, into tests/bench/RESULTS.md; also with an earlier commit: make bench BASE=41d169f ROUNDS=5
bench bench-curves: SECONDS = 5
bench:
	@$(bootstrap) dev bench && $(venv) -m tests.bench compare parts --seconds $(SECONDS) --rounds $(ROUNDS) $(if $(BASE),--base $(BASE)) $(ARGS)

bench-curves: ## measure all curves, or some: make bench-curves ONLY="rooms idle" SECONDS=5 ROUNDS=2 MINUTES=30
	@$(bootstrap) dev bench && $(venv) -m tests.bench $(ONLY) --seconds $(SECONDS) --rounds $(ROUNDS) --minutes $(MINUTES) $(ARGS)

bench-micro: ## time what every message passes: parse, route, render, frame, fan out
	@$(bootstrap) dev && $(venv) -m tests.bench micro $(ARGS)

bench-serve: ## start what is measured: RabbitMQ, PostgreSQL, two gateways, one router; prints where, until stdin closes
	@$(bootstrap) dev >&2 && exec $(venv) -m tests.bench.serve $(ARGS)

clean: ## remove all that was built, but no data: var/ stays
	rm -rf .venv web/node_modules web/dist dist tests/bench/peers/node_modules tests/screenshots tests/.benchmarks .benchmarks .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find services shared tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
