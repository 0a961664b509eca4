"""The journey of one account through a deployed API, and its end: `make smoke URL=…`, with Python's standard library alone."""
