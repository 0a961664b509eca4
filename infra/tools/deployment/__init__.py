"""What `make deploy`, `destroy-dev`, `logs` and `service-account` do, with boto3 and SAM from .tools and without the AWS CLI."""
