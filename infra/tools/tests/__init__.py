"""Tests of the tools: real programs against moto's AWS and `latchkey serve`, with `make tools`."""
