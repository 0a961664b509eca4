"""A door before moto's CloudFormation that plays what moto does not have: the outputs after a change
set, a deployment that fails, and a stack that is being changed."""

import re
from urllib.parse import parse_qs

from .gate import Gate

OUTPUTS = {"ApiUrl": "https://api.example", "FirebaseServiceAccountSecretId": "firebase"}
FAILURE = (
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value"
)


class Scenes(Gate):
    """Passes requests on to `url`, and changes some answers.

    `fails`: the first change set that is carried out ends in a rollback, because of the login
    function. The stack is left so until somebody deletes it. `busy`: so often the stack is told as
    being changed.
    """

    def __init__(self, url, fails=False, busy=0):
        self.fails, self.busy, self.is_rolled_back = fails, busy, False
        super().__init__(url, lambda *_: False, change=self.change)

    def change(self, request, answer):
        asked = parse_qs(request.decode()).get("Action", [""])[0]
        if asked == "ExecuteChangeSet" and self.fails:
            self.is_rolled_back, self.fails = True, False
        if asked == "DeleteStack":
            self.is_rolled_back = False
        if asked == "DescribeStacks" and self.busy:
            self.busy -= 1
            return re.sub(b"<StackStatus>[^<]*", b"<StackStatus>UPDATE_IN_PROGRESS", answer)
        if asked == "DescribeStacks" and not self.is_rolled_back:
            return answer.replace(b"</StackStatus>", b"</StackStatus>" + self.outputs().encode())
        if not self.is_rolled_back:
            return answer
        if asked == "DescribeStacks":
            return re.sub(b"<StackStatus>[^<]*", b"<StackStatus>ROLLBACK_COMPLETE", answer)
        if asked == "DescribeStackEvents":
            # The newest event comes first.
            return answer.replace(b"<StackEvents>", b"<StackEvents>" + self.failure().encode(), 1)
        return answer

    def outputs(self):
        members = "".join(
            f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>" for name, value in OUTPUTS.items()
        )
        return f"<Outputs>{members}</Outputs>"

    def failure(self):
        return (
            "<member><EventId>failure</EventId><StackId>s</StackId><StackName>latchkey</StackName>"
            "<Timestamp>2026-11-30T20:00:00.000Z</Timestamp><LogicalResourceId>LoginFunction</LogicalResourceId>"
            "<ResourceType>AWS::Lambda::Function</ResourceType><ResourceStatus>CREATE_FAILED</ResourceStatus>"
            f"<ResourceStatusReason>{FAILURE}</ResourceStatusReason></member>"
        )
