"""`make destroy-dev`: deletes the stack latchkey-dev, and says what stays and how to remove it."""

import argparse
import sys
import time

from botocore import exceptions

from .account import client, connect, identify
from .deploy import confirm
from .parameters import read_template
from .refusal import Refusal, told
from .stack import must_find

# There is no option for another stack, so that no line of a shell's history deletes production.
ENVIRONMENT = "dev"
DELETE_SECONDS_MAX = 30 * 60
POLL_SECONDS = 5

REMOVALS = {
    "AWS::DynamoDB::Table": (
        "aws dynamodb update-table --region {region} --table-name {id} --no-deletion-protection-enabled\n"
        "aws dynamodb delete-table --region {region} --table-name {id}"
    ),
    "AWS::SecretsManager::Secret": (
        "aws secretsmanager delete-secret --region {region} --secret-id {id} --recovery-window-in-days 7"
    ),
    "AWS::Logs::LogGroup": "aws logs delete-log-group --region {region} --log-group-name {id}",
    "AWS::KMS::Key": "aws kms schedule-key-deletion --region {region} --key-id {id} --pending-window-in-days 30",
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="destroy-dev", description=__doc__)
    parser.add_argument("--confirm", default="", help="the name of the stack, instead of a question")
    asked = parser.parse_args(arguments)
    with told():
        session = connect()
        caller = identify(session)
        stack = must_find(session, ENVIRONMENT)
        print(f"The stack {stack.name} of account {caller.account} in {caller.region} will be deleted.")
        kept = retained(session, stack.name)
        print_kept(kept, caller.region)
        sys.stdout.flush()
        confirm(stack.name, asked.confirm)
        delete(session, stack.name)
        print(f"{stack.name} is deleted. The list above has everything that stays, and how to remove it.")


def retained(session, name: str) -> list[tuple[str, str]]:
    """The type and the physical id of each resource that outlives its stack."""
    formation = client(session, "cloudformation")
    body = formation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    resources = (read_template(body) if isinstance(body, str) else body)["Resources"]
    keeps = {logical for logical, resource in resources.items() if "Retain" in str(resource.get("DeletionPolicy", ""))}
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=name)
    return [
        (resource["ResourceType"], resource["PhysicalResourceId"])
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["LogicalResourceId"] in keeps
    ]


def print_kept(kept: list[tuple[str, str]], region: str) -> None:
    if not kept:
        return
    print("These resources stay, with their contents. Unused, each costs little or nothing:")
    for kind, identifier in kept:
        print(f"  {kind}  {identifier}")
    print("To remove them too, for ever, run afterwards:")
    for kind, identifier in kept:
        for line in REMOVALS.get(kind, "# {id}: in the console").format(region=region, id=identifier).splitlines():
            print(f"  {line}")


def delete(session, name: str) -> None:
    """Deletes the stack, and waits until it is gone.

    Raises `Refusal` if CloudFormation fails, or needs more than half an hour.
    """
    formation = client(session, "cloudformation")
    # Uses the id, because a deleted stack is not found by its name.
    identifier = formation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    formation.delete_stack(StackName=name)
    deadline = time.monotonic() + DELETE_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            status = formation.describe_stacks(StackName=identifier)["Stacks"][0]
        except exceptions.ClientError as error:
            if "does not exist" in str(error):
                return
            raise
        if status["StackStatus"] == "DELETE_COMPLETE":
            return
        if status["StackStatus"] == "DELETE_FAILED":
            raise Refusal(f"{name} could not be deleted: {status.get('StackStatusReason', 'see its events in the console')}.")
        time.sleep(POLL_SECONDS)
    raise Refusal(f"{name} is still being deleted after half an hour; look at its events in the CloudFormation console.")


if __name__ == "__main__":
    main(sys.argv[1:])
