"""Runs `make deploy`, `destroy-dev`, `logs` and `service-account`, with boto3 and SAM from .tools
and without the AWS CLI."""
