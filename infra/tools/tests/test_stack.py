"""Tests `latchkey deploy` and `latchkey stack` with moto's STS, S3, CloudFormation and Secrets
Manager.

moto imitates no macro, so that the functions of SAM's short form are not made here; a test of
`make publish` expands the whole template with SAM's own translator. moto's change sets are carried
out at once, and none of its deployments fails: `Scenes` plays the answers of those.
"""

import os
import pty
import re
import subprocess
import unittest
from pathlib import Path

from deployment.parameters import read_template

from .aws import REGION, ROOT
from .case import OnMoto
from .gate import Gate
from .releases import FUNCTION, FUNCTIONS, real, small
from .scenes import Scenes

LATCHKEY = os.environ["LATCHKEY_BIN"]
OWN_BUCKET = f"latchkey-123456789012-{REGION}"
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  TokenProfile: {Type: String, Default: firebase, AllowedValues: [firebase, access]}
  FirebaseProjectId: {Type: String, Default: ""}
  TableName: {Type: String, Default: ""}
  LoginConcurrency: {Type: Number, Default: 0}
  Note: {Type: String, Default: ""}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Note}
""" + "".join(FUNCTION.format(name=name) for name in FUNCTIONS) + """
Outputs:
  ApiUrl: {Value: "https://api.example", Description: The base URL}
  FirebaseServiceAccountSecretId: {Value: firebase}
"""


class Stacks(OnMoto):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.door = Scenes(cls.moto.url)
        cls.enterClassContext(cls.door)

    def setUp(self):
        super().setUp()
        self.folder = Path(self.scratch.name)
        self.release()
        self.formation = self.moto.client("cloudformation")
        self.s3 = self.moto.client("s3")

    def release(self, version="0.2.0", functions=FUNCTIONS, text=TEMPLATE):
        for old in self.folder.glob("*.tar.gz"):
            old.unlink()
        return small(self.folder, version, functions, text)

    def run_it(self, *arguments, code=0, **changes):
        """Runs `latchkey` in the folder of the release. Its output."""
        formation = changes.get("AWS_ENDPOINT_URL", self.door.url)
        changes = {"AWS_ENDPOINT_URL_CLOUDFORMATION": formation, "HOME": str(self.folder), **changes}
        done = subprocess.run(
            [LATCHKEY, *arguments], cwd=self.folder, env=self.moto.environment(**changes), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def deploy(self, *arguments, **options):
        return self.run_it("deploy", *(arguments or ("--no-firebase", "--yes")), **options)

    def refused(self, words, *arguments, **options):
        output = self.deploy(*arguments, code=1, **options)
        self.assertIn(words, output)
        return output

    def stack(self):
        return self.formation.describe_stacks(StackName="latchkey")["Stacks"][0]

    def stacks(self):
        return self.formation.describe_stacks()["Stacks"]

    def parameters(self):
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack()["Parameters"]}


class Deploying(Stacks):
    def test_a_release_becomes_a_stack_and_a_second_run_changes_nothing(self):
        output = self.deploy()
        for words in ("the checksum is right", f"AWS account 123456789012, region {REGION}", "not there yet", "add      Table",
                      "latchkey is deployed", "ApiUrl                          https://api.example",
                      "latchkey smoke https://api.example"):
            self.assertIn(words, output)
        self.assertNotIn("put-service-account", output)
        self.assertEqual(self.parameters()["TokenProfile"], "access")
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=OWN_BUCKET)["Contents"]]
        self.assertEqual(len(keys), len(FUNCTIONS) + 1)
        blocked = self.s3.get_public_access_block(Bucket=OWN_BUCKET)["PublicAccessBlockConfiguration"]
        self.assertEqual(set(blocked.values()), {True})
        template = self.formation.get_template(StackName="latchkey")["TemplateBody"]
        self.assertIn(f"s3://{OWN_BUCKET}/latchkey/login-", str(template))
        before = self.stack()
        output = self.deploy("--yes")
        self.assertIn("Nothing changes", output)
        self.assertNotIn("uploaded", output)
        self.assertEqual(self.stack().get("LastUpdatedTime"), before.get("LastUpdatedTime"))
        status = self.run_it("stack", "status")
        self.assertIn("CREATE_COMPLETE (latchkey-0.2.0-aws-arm64)", status)
        self.assertIn("https://api.example", status)

    def test_firebase_is_asked_for_its_key_until_the_secret_is_filled(self):
        secrets = self.moto.client("secretsmanager")
        secrets.create_secret(Name="firebase")
        output = self.deploy("--firebase", "my-app", "--yes")
        self.assertIn("FIREBASE_PROJECT_ID=my-app latchkey keys put-service-account FILE.json --secret-id firebase", output)
        self.assertEqual(self.parameters()["FirebaseProjectId"], "my-app")
        secrets.put_secret_value(SecretId="firebase", SecretString="{}")
        self.assertNotIn("put-service-account", self.deploy("--parameter", "Note=new", "--yes"))

    def test_a_parameter_that_is_not_given_keeps_its_value(self):
        self.deploy("--no-firebase", "--parameter", "Note=a=b c", "--yes")
        self.assertEqual(self.parameters()["Note"], "a=b c")
        self.release("0.2.1", {**FUNCTIONS, "login": b"another login"})
        output = self.deploy("--parameter", "LoginConcurrency=5", "--yes")
        self.assertEqual(output.count("uploaded"), 2, output)
        kept = self.parameters()
        self.assertEqual((kept["Note"], kept["TokenProfile"], kept["LoginConcurrency"]), ("a=b c", "access", "5"))

    def test_a_plan_changes_nothing(self):
        self.assertIn("add      Topic", self.deploy("--no-firebase", "--plan"))
        self.assertEqual(self.stacks(), [])
        self.deploy()
        self.release("0.2.1", text=TEMPLATE.replace("  Topic:", "  Queue: {Type: AWS::SQS::Queue}\n  Topic:"))
        self.assertIn("add      Queue (AWS::SQS::Queue)", self.deploy("--parameter", "Note=other", "--plan"))
        self.assertEqual(self.parameters()["Note"], "")
        self.assertEqual(self.moto.client("sqs").list_queues().get("QueueUrls", []), [])

    def test_nobody_is_asked_without_a_terminal(self):
        self.refused("There is no terminal to ask at. Give --yes", "--no-firebase")
        self.assertEqual(self.stacks(), [])
        self.refused("The ID of your Firebase project is missing", "--plan")

    def at_terminal(self, answers, *arguments):
        """Runs `latchkey` with somebody who types these lines. The exit code and the output."""
        terminal, keyboard = pty.openpty()
        environment = self.moto.environment(AWS_ENDPOINT_URL_CLOUDFORMATION=self.door.url, HOME=str(self.folder))
        os.write(terminal, "".join(f"{line}\n" for line in answers).encode())
        done = subprocess.run(
            [LATCHKEY, *arguments], cwd=self.folder, env=environment, stdin=keyboard, capture_output=True, text=True, timeout=120
        )
        os.close(terminal)
        os.close(keyboard)
        return done.returncode, done.stdout + done.stderr

    def test_somebody_at_a_terminal_is_asked_for_the_project_and_for_a_yes(self):
        code, output = self.at_terminal(["my-app", "no"], "deploy")
        self.assertEqual(code, 1, output)
        self.assertIn("Nothing was changed.", output)
        self.assertIn("costs about two dollars a month", output)
        self.assertEqual(self.stacks(), [])
        code, output = self.at_terminal(["my-app", "yes"], "deploy")
        self.assertEqual(code, 0, output)
        self.assertEqual((self.parameters()["TokenProfile"], self.parameters()["FirebaseProjectId"]), ("firebase", "my-app"))
        self.assertEqual(self.at_terminal(["latchkey-prod"], "stack", "destroy")[0], 1)
        self.assertEqual(self.at_terminal(["latchkey"], "stack", "destroy")[0], 0)
        self.assertEqual(self.stacks(), [])

    def test_the_real_template_is_read_and_planned(self):
        [archive] = real(self.folder).glob("*-aws-arm64.tar.gz")
        output = self.deploy(str(archive), "--no-firebase", "--plan")
        resources = read_template((ROOT / "template.yaml").read_text())["Resources"]
        functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"}
        self.assertLessEqual({"Table", "SigningKeys", *functions}, set(re.findall(r"add +(\w+) \(", output)))
        self.assertEqual(len(functions), len(list((ROOT / "functions").iterdir())))

    def test_a_parameter_that_is_none_or_has_another_value_is_refused(self):
        self.refused("no parameter Nonsense", "--no-firebase", "--parameter", "Nonsense=1", "--yes")
        self.refused("TokenProfile is firebase or access, and not fire", "--parameter", "TokenProfile=fire", "--yes")
        self.assertIn("NAME=VALUE", self.run_it("deploy", "--parameter", "Note", code=2))
        self.assertEqual(self.stacks(), [])

    def test_functions_move_to_another_table_only_where_somebody_says_so(self):
        self.deploy("--no-firebase", "--parameter", "TableName=one", "--yes")
        self.refused("the functions would use another table", "--parameter", "TableName=two", "--yes")
        self.assertEqual(self.parameters()["TableName"], "one")
        self.deploy("--parameter", "TableName=two", "--another-table", "--yes")
        self.assertEqual(self.parameters()["TableName"], "two")

    def test_an_upload_that_broke_off_goes_on(self):
        with Gate(self.moto.url, lambda method, path: method == "PUT" and "verify" in path, "SlowDown") as gate:
            self.refused("verify.zip was not uploaded", "--no-firebase", "--yes", AWS_ENDPOINT_URL_S3=gate)
        self.assertEqual(self.stacks(), [])
        output = self.deploy()
        self.assertIn("  there    login.zip", output)
        self.assertIn("  uploaded verify.zip", output)

    def test_a_bucket_of_ones_own_is_used_and_one_that_is_not_there_is_a_sentence(self):
        self.refused("There is no bucket nobody-s", "--no-firebase", "--bucket", "nobody-s", "--yes")
        self.s3.create_bucket(Bucket="herbs", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.deploy("--no-firebase", "--bucket", "herbs", "--yes")
        self.assertEqual([each["Name"] for each in self.s3.list_buckets()["Buckets"]], ["herbs"])
        with Gate(self.moto.url, lambda method, _: method == "HEAD", "AccessDenied") as gate:
            self.refused("belongs to another account than 123456789012", "--yes", AWS_ENDPOINT_URL_S3=gate)

    def test_a_missing_region_or_credentials_or_aws_is_a_sentence(self):
        keyless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        self.refused("No region: set AWS_REGION", AWS_REGION=None)
        self.refused("No AWS credentials", **keyless)
        self.refused("AWS cannot be reached", AWS_ENDPOINT_URL="http://127.0.0.1:9")
        with Gate(self.moto.url, lambda *_: True, "ExpiredToken") as sts:
            self.refused("The AWS credentials have expired", AWS_ENDPOINT_URL_STS=sts)


class Failing(Stacks):
    def test_a_deployment_that_fails_tells_the_first_reason_and_goes_on_once_it_is_mended(self):
        with Scenes(self.moto.url, fails=True) as scenes:
            output = self.refused("latchkey was not deployed (ROLLBACK_COMPLETE). LoginFunction", AWS_ENDPOINT_URL_CLOUDFORMATION=scenes)
            self.assertIn("Give --parameter LoginConcurrency=0", output)
            self.assertNotIn("Values to paste", output)
            status = self.run_it("stack", "status", code=1, AWS_ENDPOINT_URL_CLOUDFORMATION=scenes)
            self.assertIn("The first deployment of latchkey failed", status)
            output = self.deploy(AWS_ENDPOINT_URL_CLOUDFORMATION=scenes)
        self.assertIn("Its empty stack is deleted first", output)
        self.assertEqual(self.stack()["StackStatus"], "CREATE_COMPLETE")

    def test_a_stack_that_is_being_changed_is_waited_for(self):
        self.deploy()
        with Scenes(self.moto.url, busy=2) as scenes:
            output = self.deploy("--parameter", "Note=later", "--yes", AWS_ENDPOINT_URL_CLOUDFORMATION=scenes)
        self.assertIn("is being changed (UPDATE_IN_PROGRESS). Waiting", output)
        self.assertEqual(self.parameters()["Note"], "later")

    def test_a_template_that_cloudformation_refuses_changes_nothing(self):
        with Gate(self.moto.url, lambda method, _: method == "POST", "ValidationError") as gate:
            self.refused("ValidationError", AWS_ENDPOINT_URL_CLOUDFORMATION=gate)
        self.assertEqual(self.stacks(), [])


class Destroying(Stacks):
    def destroy(self, *arguments, code=0):
        return self.run_it("stack", "destroy", *arguments, code=code)

    def test_the_stack_goes_and_what_is_kept_is_named_with_its_removal(self):
        self.deploy()
        [table] = self.moto.client("dynamodb").list_tables()["TableNames"]
        output = self.destroy("--confirm", "latchkey")
        self.assertIn(f"AWS::DynamoDB::Table  {table}", output)
        self.assertIn(f"aws dynamodb delete-table --region {REGION} --table-name {table}", output)
        self.assertNotIn("SNS", output.split("These parts stay")[1].split("is deleted")[0].split("done")[0])
        self.assertEqual(self.moto.client("sns").list_topics()["Topics"], [])

    def test_it_is_confirmed_by_name(self):
        self.deploy()
        for arguments in ((), ("--confirm", "yes"), ("--confirm", "latchkey-prod")):
            self.assertIn("Nothing was deleted", self.destroy(*arguments, code=1))
        self.assertEqual(len(self.moto.client("sns").list_topics()["Topics"]), 1)

    def test_no_stack_is_a_sentence(self):
        for command in (("status",), ("destroy", "--confirm", "latchkey")):
            self.assertIn(f"There is no stack latchkey in {REGION}", self.run_it("stack", *command, code=1))


if __name__ == "__main__":
    unittest.main()
