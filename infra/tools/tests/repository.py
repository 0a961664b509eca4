"""A folder that looks like the repository to `make deploy`. Its build and its SAM only record their
calls."""

import os
from pathlib import Path

MAKEFILE = """
.tools/venv/.zig:
	@echo "make zig" >> calls
build:
	@echo "make build $(ARCH)" >> calls
"""
SAM = """#!/bin/sh
echo "sam $* (AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION, telemetry $SAM_CLI_TELEMETRY)" >> calls
test "$1" != "$(cat sam-fails 2>/dev/null)"
"""
ZIG = "#!/bin/sh\necho 0.17.1\n"
SAMCONFIG = """
version = 0.1
[dev.deploy.parameters]
parameter_overrides = ["TokenProfile=access", "Note=two words"]
[prod.deploy.parameters]
parameter_overrides = "TokenProfile=firebase FirebaseProjectId=my-app LoginConcurrency=50"
"""
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Architecture: {Type: String, Default: arm64}
  TokenProfile: {Type: String, Default: firebase}
  FirebaseProjectId: {Type: String, Default: ""}
  LoginConcurrency: {Type: Number, Default: 0}
  Note: {Type: String, Default: ""}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  # Has the name by which the reserved concurrency is asked for. moto makes no function without
  # code.
  LoginFunction:
    Type: AWS::SQS::Queue
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Note}
Outputs:
  ApiUrl: {Value: "https://api.example", Description: The base URL}
  FirebaseServiceAccountSecretId: {Value: firebase}
"""


class Repository:
    """Makes such a folder."""

    def __init__(self, folder):
        self.root = Path(folder)
        self.write("Makefile", MAKEFILE)
        self.write("samconfig.toml", SAMCONFIG)
        self.write("template.yaml", TEMPLATE)
        self.write(".tools/venv/bin/sam", SAM)
        self.write(".tools/venv/bin/python-zig", ZIG)
        (self.root / "functions/create-account").mkdir(parents=True)
        (self.root / "functions/login").mkdir()

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.chmod(file, 0o755)

    def calls(self):
        """The calls so far, without the validation by SAM."""
        file = self.root / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line != "make zig" and not line.startswith("sam validate")]
