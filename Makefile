# The commands of Backstop. Each finds its Python and makes .venv by itself (scripts/bootstrap).
# `exec` keeps the chain short: make's child is the program itself, so a signal to make reaches it.
.PHONY: help up test lint bench chaos explore mutants clean
.NOTPARALLEL:

help:
	@echo 'make up                  start everything in the foreground; Ctrl-C ends it'
	@echo 'make test [ARGS="..."]   lint, types, floors, then pytest (ARGS go to pytest)'
	@echo 'make lint                the same without pytest'
	@echo 'make bench [ARGS="..."]  measure speed and cost (benchmarks/README.md)'
	@echo 'make chaos [ARGS="..."]  kill, stop and cut the real processes, then prove (ARGS=--help)'
	@echo 'make explore [ARGS=...]  every way the machine can go in a small world (ARGS=--deep: more)'
	@echo 'make mutants [ARGS=...]  break the product on purpose, and see that it is noticed'
	@echo 'make clean               remove .venv and caches; databases stay'

up:
	@exec sh scripts/bootstrap up

test:
	@exec sh scripts/bootstrap test $(ARGS)

lint:
	@exec sh scripts/bootstrap lint

bench:
	@exec sh scripts/bootstrap bench $(ARGS)

chaos:
	@exec sh scripts/bootstrap chaos $(ARGS)

explore:
	@exec sh scripts/bootstrap explore $(ARGS)

mutants:
	@exec sh scripts/bootstrap mutants $(ARGS)

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'Removed .venv and caches; the databases and .env were left.'
