"""`make publish`: uploads a release to a bucket, and prints the link with which a browser makes a
stack of it."""

import argparse
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

from botocore import exceptions
from botocore.config import Config

from . import release
from .account import Caller, client, connect, identify
from .bucket import Bucket
from .preflight import ARCHITECTURES
from .refusal import Refusal, told

STACK = "latchkey"
# A large template is judged once. A second try would only wait for longer.
ONCE = Config(connect_timeout=4, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1})
# A link sets the parameters that differ from the defaults of the template.
LINKS = {"for Firebase": {}, "without Firebase": {"TokenProfile": "access"}}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="publish", description=__doc__)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--architecture", required=True, choices=ARCHITECTURES)
    parser.add_argument("--folder", type=Path, default=Path("dist"), help="the folder of the release's files")
    parser.add_argument("--public", action="store_true", help="let everybody read the files")
    asked = parser.parse_args(arguments)
    with told():
        found = release.read(asked.folder, asked.version, asked.architecture)
        fine(f"{found.name}, with {len(found.functions)} functions and the checksum of the release")
        session = connect()
        caller = identify(session)
        must_have_console(session, caller)
        fine(f"AWS account {caller.account}, region {caller.region}, as {caller.arn}")
        bucket = Bucket(session, caller, asked.bucket)
        fine(f"bucket {bucket.name}")
        key = upload(found, bucket, asked.version)
        fine(validate(session, bucket.url(key)))
        if asked.public:
            bucket.open()
        print_links(bucket, key)


def fine(line: str) -> None:
    print(f"  ok       {line}", flush=True)


def must_have_console(session, caller: Caller) -> None:
    """Raises `Refusal` in China and in GovCloud, whose consoles and buckets have other addresses."""
    if session.get_partition_for_region(caller.region) != "aws":
        raise Refusal(f"The links are those of AWS's public regions, and {caller.region} is none. Deploy with make deploy there.")


def upload(found: release.Release, bucket: Bucket, version: str) -> str:
    """Uploads the functions, and the template after them. Returns the key of the template."""
    keys = {name: put(bucket, name, "zip", content) for name, content in sorted(found.functions.items())}
    template = found.packaged(lambda name: f"s3://{bucket.name}/{keys[name]}")
    return put(bucket, f"{version}/template", "yaml", template.encode())


def put(bucket: Bucket, stem: str, ending: str, content: bytes) -> str:
    key, is_new = bucket.put(stem, ending, content)
    print(f"  {'uploaded' if is_new else 'there':8} {key}", flush=True)
    return key


def validate(session, url: str) -> str:
    """Asks CloudFormation whether it can read the template.

    Raises `Refusal` with the reason if it cannot.
    """
    try:
        client(session, "cloudformation", ONCE).validate_template(TemplateURL=url)
    except exceptions.ClientError as error:
        said = error.response["Error"]
        if said["Code"] == "ValidationError":
            raise Refusal(f"CloudFormation refuses the template {url}: {said['Message']}") from error
        return f"CloudFormation was not asked about the template ({said['Code']})"
    return "CloudFormation accepts the template"


def link(region: str, template: str, parameters: dict[str, str]) -> str:
    """The link that opens the form of a new stack, filled in
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html)."""
    filled = {"templateURL": template, "stackName": STACK, **{f"param_{name}": value for name, value in parameters.items()}}
    query = urlencode(filled, quote_via=quote, safe=":/")
    return f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}#/stacks/create/review?{query}"


def print_links(bucket: Bucket, key: str) -> None:
    url, caller = bucket.url(key), bucket.caller
    readers = "everybody" if bucket.is_open(key) else f"people of the AWS account {caller.account} alone (PUBLIC=yes: for everybody)"
    print(f"\nLinks that make a stack in {caller.region}, for {readers}:\n")
    for name, parameters in LINKS.items():
        print(f"  {name:16}  {link(caller.region, url, parameters)}")
    print(f"\nThe template, for an update of a stack:\n\n  {url}\n\ndocs/launch.md shows each screen.")


if __name__ == "__main__":
    main(sys.argv[1:])
