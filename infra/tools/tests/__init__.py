"""Tests of the tools: real programs with moto's AWS and `latchkey serve`. Run by `make tools`."""
