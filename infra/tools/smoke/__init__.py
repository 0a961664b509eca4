"""The journey of one account through a deployed API, and its end: `make smoke URL=…`. Python's standard library is all it takes."""
