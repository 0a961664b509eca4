"""Tests `make publish` with moto's S3, CloudFormation and Lambda.

moto imitates no macro, so that the template is expanded here by SAM's own translator. Its
CloudFormation makes no HTTP API and no outputs of one, and no rotation. Its S3 compares no
checksum, and it has no console: nobody can open the link here.
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs, urlsplit

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from deployment import publish

from .aws import REGION
from .case import OnMoto
from .gate import Gate
from .releases import FUNCTIONS, real, small, template

BUCKET = "herbs-latchkey"


class NoManagedPolicies:
    """The roles of the template name no policy of AWS's."""

    def load(self):
        return {}


class Publishing(OnMoto):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Judging a template takes moto some seconds. This caller may not ask CloudFormation.
        cls.closed = Gate(cls.moto.url, lambda *_: True, "AccessDenied")
        cls.enterClassContext(cls.closed)

    def setUp(self):
        super().setUp()
        self.folder = Path(self.scratch.name)
        self.s3 = self.moto.client("s3")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def words(self, *arguments, version="0.2.0", bucket=BUCKET):
        named = ["--bucket", bucket, "--version", version, "--architecture", "arm64"]
        return [*named, "--folder", str(self.folder), *arguments]

    def publish(self, *arguments, version="0.2.0", bucket=BUCKET, **changes):
        """Runs the command in this process, which is quick. The sentence of a refusal, and the output."""
        output, refusal = io.StringIO(), ""
        changes = {"AWS_ENDPOINT_URL_CLOUDFORMATION": self.closed.url, **changes}
        environment = mock.patch.dict(os.environ, self.moto.environment(**changes), clear=True)
        with environment, contextlib.redirect_stdout(output):
            try:
                publish.main(self.words(*arguments, version=version, bucket=bucket))
            except SystemExit as end:
                refusal = str(end.code)
        return refusal, output.getvalue()

    def published(self, *arguments, **options):
        refusal, output = self.publish(*arguments, **options)
        self.assertEqual(refusal, "")
        return output

    def refused(self, words, *arguments, **options):
        refusal, output = self.publish(*arguments, **options)
        self.assertIn(words, refusal)
        self.assertNotIn("console.aws.amazon.com", output)
        return refusal

    def objects(self):
        """The moment of the last change of each object, by its key."""
        return {each["Key"]: each["LastModified"] for each in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def content(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def links(self, output):
        """The parameters of each link, and the template's key and text."""
        links = [parse_qs(urlsplit(urlsplit(line).fragment).query) for line in re.findall(r"https://\S+#\S+", output)]
        [url] = {link["templateURL"][0] for link in links}
        self.assertTrue(url.startswith(f"https://{BUCKET}.s3.{REGION}.amazonaws.com/latchkey/0.2.0/template-"), url)
        return links, url

    def test_a_browser_can_make_a_stack_of_the_real_template(self):
        words = self.words("--folder", str(real(self.folder)))
        done = self.moto.run("deployment.publish", *words, AWS_ENDPOINT_URL_CLOUDFORMATION=self.closed.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        links, url = self.links(done.stdout)
        packaged = self.content(urlsplit(url).path[1:])
        self.lint(packaged)
        body = yaml_parse(packaged.decode())
        self.assertEqual([link.get("param_TokenProfile") for link in links], [None, ["access"]])
        for link in links:
            self.assertEqual(link["stackName"], ["latchkey"])
            self.assertLessEqual({name[6:] for name in link if name.startswith("param_")}, set(body["Parameters"]))
        with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": REGION}):
            expanded = transform(body, {"Architecture": "arm64"}, NoManagedPolicies())
        self.s3.put_object(Bucket=BUCKET, Key="expanded.json", Body=json.dumps(expanded).encode())
        self.moto.client("cloudformation").create_stack(
            StackName="latchkey", TemplateURL=url.replace(urlsplit(url).path, "/expanded.json"),
            Parameters=[{"ParameterKey": "TokenProfile", "ParameterValue": "access"}],
        )
        made = {each["CodeSha256"] for each in self.moto.client("lambda").list_functions()["Functions"]}
        zips = [self.content(key) for key in self.objects() if key.endswith(".zip")]
        self.assertEqual(made, {base64.b64encode(hashlib.sha256(content).digest()).decode() for content in zips})
        self.assertEqual(len(zips), len(list((self.folder / "built/arm64/functions").iterdir())))

    def lint(self, template):
        """cfn-lint judges the template, as `make template` judges the one of the repository."""
        file = self.folder / "packaged.yaml"
        file.write_bytes(template)
        program = Path(sys.executable).with_name("cfn-lint")
        judged = subprocess.run([program, file], capture_output=True, text=True, env={**os.environ, "AWS_DEFAULT_REGION": REGION})
        self.assertEqual(judged.returncode, 0, judged.stdout)

    def test_cloudformation_is_asked_about_the_template(self):
        small(self.folder)
        self.assertIn("CloudFormation accepts the template", self.published(AWS_ENDPOINT_URL_CLOUDFORMATION=self.moto.url))

    def test_a_name_has_the_checksum_of_its_content(self):
        small(self.folder)
        self.assertIn("CloudFormation was not asked about the template (AccessDenied)", self.published())
        keys = self.objects()
        self.assertEqual(len(keys), len(FUNCTIONS) + 1)
        for key in keys:
            self.assertIn(hashlib.sha256(self.content(key)).hexdigest(), key)

    def test_a_link_says_for_whom_it_is_and_public_files_are_for_everybody(self):
        small(self.folder)
        other = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [other]}))
        self.s3.put_object(Bucket=BUCKET, Key="mine", Body=b"mine")
        self.assertIn("for people of the AWS account 123456789012 alone (PUBLIC=yes", self.published())
        for _ in range(2):
            self.assertIn("for everybody:", self.published("--public"))
        statements = json.loads(self.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
        self.assertEqual([each["Sid"] for each in statements], ["Mine", "LatchkeyReleases"])
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.moto.url}/{BUCKET}/mine")

    def test_a_template_that_cloudformation_refuses_gets_no_link(self):
        small(self.folder)
        with Gate(self.moto.url, lambda *_: True, "ValidationError") as gate:
            self.refused("CloudFormation refuses the template", AWS_ENDPOINT_URL_CLOUDFORMATION=gate)

    def test_a_second_run_changes_nothing_and_a_new_version_only_what_is_new(self):
        small(self.folder)
        self.published()
        before = self.objects()
        self.assertNotIn("uploaded", self.published())
        self.assertEqual(self.objects(), before)
        small(self.folder, "0.2.1", {**FUNCTIONS, "login": b"another login"})
        output = self.published(version="0.2.1")
        self.assertEqual(output.count("uploaded"), 2, output)
        self.assertIn("  there    latchkey/verify-", output)
        self.assertEqual({key: changed for key, changed in self.objects().items() if key in before}, before)

    def test_an_upload_that_broke_off_is_told_and_goes_on(self):
        small(self.folder)
        with Gate(self.moto.url, lambda method, path: method == "PUT" and "verify" in path) as gate:
            refusal = self.refused("verify.zip was not uploaded", AWS_ENDPOINT_URL_S3=gate)
        self.assertIn("Run the same command again", refusal)
        [login] = before = self.objects()
        self.assertIn("latchkey/login-", login)
        self.assertIn(f"  there    {login}", self.published())
        self.assertEqual(self.objects()[login], before[login])
        self.assertEqual(len(self.objects()), len(FUNCTIONS) + 1)

    def test_a_file_with_another_content_is_replaced(self):
        small(self.folder)
        self.published()
        [login] = [key for key in self.objects() if "login" in key]
        for checksum in ({}, {"ChecksumAlgorithm": "SHA256"}):
            self.s3.put_object(Bucket=BUCKET, Key=login, Body=b"half", **checksum)
            self.assertIn(f"  uploaded {login}", self.published())
            self.assertEqual(self.content(login), FUNCTIONS["login"])

    def test_a_bucket_that_cannot_be_used_is_a_sentence(self):
        small(self.folder)
        self.refused("There is no bucket nobody-s-bucket", bucket="nobody-s-bucket")
        for name in ("s3://herbs", "Herbs", "herbs.example", ""):
            self.refused("BUCKET is the name of a bucket", bucket=name)
        self.refused(f"set AWS_REGION={REGION}", AWS_REGION="us-west-2")
        with Gate(self.moto.url, lambda method, _: method == "HEAD", "AccessDenied") as gate:
            self.refused("belongs to another account than 123456789012", AWS_ENDPOINT_URL_S3=gate)
        with Gate(self.moto.url, lambda method, path: method == "PUT" and "policy" in path, "AccessDenied") as gate:
            self.refused("could not be opened to everybody", "--public", AWS_ENDPOINT_URL_S3=gate)
        with Gate(self.moto.url, lambda method, path: method == "PUT", "AccessDenied") as gate:
            small(self.folder, functions={"login": b"new"})
            self.refused("login.zip was not uploaded. These credentials may not do this", AWS_ENDPOINT_URL_S3=gate)

    def test_a_missing_region_or_credentials_is_a_sentence(self):
        small(self.folder)
        self.refused("No region", AWS_REGION=None)
        self.refused("No AWS credentials", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
        self.refused("cn-north-1 is none", AWS_REGION="cn-north-1")
        self.assertEqual(self.objects(), {})

    def test_files_that_are_not_those_of_the_release_are_a_sentence(self):
        self.refused("VERSION is a number such as 0.2.0", version="v0.2")
        self.refused("run make release VERSION=0.2.0 PARTS=functions-arm64")
        archive = small(self.folder)
        sums = archive.with_name("SHA256SUMS")
        right = sums.read_text()
        sums.unlink()
        self.refused(f"There is no {sums}")
        sums.write_text("\n" + right.replace("0.2.0", "0.1.0"))
        self.refused("has no line for latchkey-0.2.0-aws-arm64.tar.gz")
        sums.write_text(right)
        archive.write_bytes(archive.read_bytes()[:-1])
        self.refused("is not the file that was released")
        small(self.folder, text=template(["login", "refresh"]))
        self.refused("differ in refresh, verify")
        small(self.folder, text="Resources: {}", functions={})
        self.refused("differ in no function")
        self.assertEqual(self.objects(), {})


if __name__ == "__main__":
    unittest.main()
