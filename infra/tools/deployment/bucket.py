"""A bucket of S3 that hands out the files of releases. A file's name has its checksum, so that no
file ever changes."""

import base64
import hashlib
import json
import re

import botocore
from botocore import exceptions
from botocore.config import Config

from .account import Caller, client
from .refusal import ERRORS, Refusal, explain

# A name with a dot has no certificate at S3.
NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
FOLDER = "latchkey"
SID = "LatchkeyReleases"
# An upload of some megabytes over a slow line takes longer than other calls.
PATIENT = Config(connect_timeout=4, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
ANONYMOUS = Config(connect_timeout=4, read_timeout=8, signature_version=botocore.UNSIGNED)


class Bucket:
    """A bucket of the caller's account, in the caller's region."""

    def __init__(self, session, caller: Caller, name: str):
        """Raises `Refusal` unless there is such a bucket in this account and in this region."""
        if not NAME.fullmatch(name):
            raise Refusal(f"BUCKET is the name of a bucket, of small letters, digits and hyphens, and not {name!r}.")
        self.name, self.caller, self.session = name, caller, session
        self.s3 = client(session, "s3", PATIENT)
        region = self.region()
        if region != caller.region:
            raise Refusal(
                f"The bucket {name} is in {region}, and the region is {caller.region}. Lambda loads functions from a bucket "
                f"in its own region alone: set AWS_REGION={region}, or name a bucket in {caller.region}."
            )

    def region(self) -> str:
        try:
            found = self.s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.caller.account)
        except exceptions.ClientError as error:
            if code(error) == "404":
                raise Refusal(
                    f"There is no bucket {self.name}. Make it in the console of S3 in {self.caller.region}, or run "
                    f"aws s3 mb s3://{self.name} --region {self.caller.region}. The name must be free in all of AWS."
                ) from error
            if code(error) == "403":
                raise Refusal(
                    f"The bucket {self.name} belongs to another account than {self.caller.account}, or these credentials "
                    "may not see it (s3:ListBucket)."
                ) from error
            raise
        return found.get("BucketRegion") or self.caller.region

    def put(self, stem: str, ending: str, content: bytes) -> tuple[str, bool]:
        """Uploads a file unless it is there. Returns its key, and whether it was uploaded.

        S3 compares the checksum before it stores the file. Raises `Refusal` if the upload failed.
        """
        digest = hashlib.sha256(content)
        key = f"{FOLDER}/{stem}-{digest.hexdigest()}.{ending}"
        checksum = base64.b64encode(digest.digest()).decode()
        try:
            if self.checksum(key) == checksum:
                return key, False
            self.s3.put_object(
                Bucket=self.name, Key=key, Body=content, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum,
                ExpectedBucketOwner=self.caller.account,
            )
        except ERRORS as error:
            raise Refusal(
                f"{stem}.{ending} was not uploaded. {explain(error)} No link leads to what was uploaded before. Run the same "
                "command again: it goes on with this file."
            ) from error
        return key, True

    def checksum(self, key: str) -> str:
        """The checksum that S3 keeps with a file. Empty if there is no such file, or none to see."""
        try:
            return self.s3.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED").get("ChecksumSHA256", "")
        except exceptions.ClientError as error:
            # S3 answers 403 for a missing file to whoever may not list the bucket.
            if code(error) in ("403", "404"):
                return ""
            raise

    def url(self, key: str) -> str:
        return f"https://{self.name}.s3.{self.caller.region}.amazonaws.com/{key}"

    def open(self) -> None:
        """Lets everybody read the folder of releases, and nothing else of the bucket.

        Other statements of the bucket's policy stay. Raises `Refusal` if the account forbids it.
        """
        ours = {
            "Sid": SID, "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.name}/{FOLDER}/*",
        }
        policy = self.policy()
        others = [each for each in policy["Statement"] if each.get("Sid") != SID]
        try:
            self.s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration={
                "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False,
            })
            self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps({**policy, "Statement": [*others, ours]}))
        except exceptions.ClientError as error:
            raise Refusal(
                f"The bucket {self.name} could not be opened to everybody. {explain(error)} Run the command again in a "
                "minute. If it fails again, Block Public Access may be on for the whole account (S3, Block Public Access settings)."
            ) from error

    def policy(self) -> dict:
        try:
            return json.loads(self.s3.get_bucket_policy(Bucket=self.name)["Policy"])
        except exceptions.ClientError as error:
            if code(error) == "NoSuchBucketPolicy":
                return {"Version": "2012-10-17", "Statement": []}
            raise

    def is_open(self, key: str) -> bool:
        """Whether a caller without credentials can read a file."""
        try:
            client(self.session, "s3", ANONYMOUS).get_object(Bucket=self.name, Key=key, Range="bytes=0-0")
        except exceptions.ClientError:
            return False
        return True


def code(error: exceptions.ClientError) -> str:
    return error.response["Error"]["Code"]
