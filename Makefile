# Aliases of dev.py, which needs nothing but Python 3.11 or newer: `make demo` is `python3 dev.py demo`.
PYTHON ?= python3

.PHONY: demo test test-browser test-long check coverage metrics mutation bench bench-long bench-console screens clean requirements

demo test test-browser test-long check coverage metrics mutation bench bench-long bench-console screens clean:
	@$(PYTHON) dev.py $@

# After a change of the dependencies: needs uv.
requirements:
	@uv lock
	@uv export --quiet --frozen --no-emit-project --no-header --no-annotate --no-default-groups -o requirements/runtime.txt
	@uv export --quiet --frozen --no-emit-project --no-header --no-annotate --no-default-groups --extra demo --group build -o requirements/demo.txt
	@uv export --quiet --frozen --no-emit-project --no-header --no-annotate --all-extras --group dev -o requirements/dev.txt
