# Every target is tools/bootstrap.py, which works without make too: python3 tools/bootstrap.py demo
# Further arguments: make test ARGS="-k sound", make demo ARGS="--engine fake"
PYTHON ?= python3
TASKS := setup demo test check bench clean

.PHONY: $(TASKS)
$(TASKS):
	@$(PYTHON) tools/bootstrap.py $@ $(ARGS)
