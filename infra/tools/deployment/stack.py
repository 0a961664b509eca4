"""A deployed stack, as CloudFormation describes it."""

from dataclasses import dataclass, field

from botocore import exceptions

from .account import client
from .refusal import Refusal

ENVIRONMENTS = ("dev", "prod")


@dataclass(frozen=True)
class Stack:
    """The properties of an existing stack."""

    name: str
    status: str
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, tuple[str, str]] = field(default_factory=dict)

    def output(self, key: str) -> str:
        """The value of an output.

        Raises `Refusal` if the stack has no output of this name.
        """
        if key not in self.outputs:
            raise Refusal(f"The stack {self.name} has no output {key}: deploy it again, with this template.yaml.")
        return self.outputs[key][0]


def name_of(environment: str) -> str:
    """The stack's name in samconfig.toml."""
    return f"latchkey-{environment}"


def find(session, environment: str) -> Stack | None:
    """The stack of an environment. None before its first deployment."""
    name = name_of(environment)
    try:
        found = client(session, "cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return Stack(
        name,
        found["StackStatus"],
        {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        {each["OutputKey"]: (each["OutputValue"], each.get("Description", "")) for each in found.get("Outputs", [])},
    )


def must_find(session, environment: str) -> Stack:
    """The stack of an environment.

    Raises `Refusal` if it was never deployed in this region.
    """
    stack = find(session, environment)
    if stack is None:
        raise Refusal(
            f"There is no stack {name_of(environment)} in {session.region_name}: deploy it first (make deploy ENV={environment}), "
            "or name its region by AWS_REGION."
        )
    return stack
