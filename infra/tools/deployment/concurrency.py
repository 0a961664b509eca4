"""Whether the account has the concurrency that the template reserves.

Lambda keeps 100 executions of an account unreserved
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html). A new account may have a
limit of ten, of which nothing can be reserved. CloudFormation would report this only after minutes.
"""

from botocore import exceptions

from .account import client
from .stack import Stack

UNRESERVED_MIN = 100
SUFFIX = "Concurrency"


def shortage(session, deployed: Stack | None, parameters: dict[str, str]) -> str:
    """Sentences that say what is missing and what to do. Empty if the account has enough."""
    wanted = {name: int(value or 0) for name, value in parameters.items() if name.endswith(SUFFIX)}
    wanted = {name: number for name, number in wanted.items() if number > 0}
    if not wanted:
        return ""
    limits = client(session, "lambda").get_account_settings()["AccountLimit"]
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    free = unreserved + held(session, deployed, wanted) - min(UNRESERVED_MIN, limit)
    if sum(wanted.values()) <= free:
        return ""
    asked = " and ".join(f"{name}={number}" for name, number in wanted.items())
    zero = " ".join(f"{name}=0" for name in wanted)
    return (
        f"{asked} reserves more than this account has: of its {limit} concurrent executions {max(free, 0)} can be reserved. Ask "
        f"AWS for more (Service Quotas, Lambda, Concurrent executions), or deploy without a reservation "
        f"(PARAMETERS='{zero}'): then the API's throttling limits the cost."
    )


def held(session, deployed: Stack | None, wanted: dict[str, int]) -> int:
    """The executions that the deployed stack reserves already. The account no longer counts them as
    free."""
    if deployed is None:
        return 0
    total = 0
    for name in wanted:
        function = name.removesuffix(SUFFIX) + "Function"
        try:
            resource = client(session, "cloudformation").describe_stack_resource(
                StackName=deployed.name, LogicalResourceId=function
            )["StackResourceDetail"]
            reserved = client(session, "lambda").get_function_concurrency(FunctionName=resource["PhysicalResourceId"])
        except exceptions.ClientError:
            continue
        total += reserved.get("ReservedConcurrentExecutions", 0)
    return total
