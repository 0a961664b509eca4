"""`make service-account`, against moto's CloudFormation and Secrets Manager; the file is read by `latchkey`, which has tests of its own."""

import json
import os
import unittest
from pathlib import Path

from .aws import ROOT
from .case import OnMoto

LATCHKEY = os.environ.get("LATCHKEY_BIN", str(ROOT / "target/debug/latchkey"))
TEMPLATE = {
    "Parameters": {"FirebaseProjectId": {"Type": "String", "Default": ""}},
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    # moto's CloudFormation makes no secrets; the one with this name is made beside it.
    "Outputs": {"FirebaseServiceAccountSecretId": {"Value": "firebase"}},
}


class ServiceAccount(OnMoto):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Its demo account has the form of Google's.
        served = cls.moto.running.serve(LATCHKEY, cls.moto.folder.name, env={})
        cls.demo = json.loads((served.data / "firebase-service-account.json").read_text())

    def stack(self, project=""):
        self.moto.client("cloudformation").create_stack(
            StackName="latchkey-dev", TemplateBody=json.dumps(TEMPLATE),
            Parameters=[{"ParameterKey": "FirebaseProjectId", "ParameterValue": project}],
        )
        self.moto.client("secretsmanager").create_secret(Name="firebase")

    def give(self, project, *options, **changes):
        """Puts an account of a project; its text, and what became of it."""
        text = json.dumps({**self.demo, "project_id": project})
        file = Path(self.scratch.name, "account.json")
        file.write_text(text)
        os.chmod(file, 0o600)
        # What is set for another deployment does not count.
        changes = {"FIREBASE_PROJECT_ID": "another", **changes}
        done = self.moto.run("deployment.service_account", "--env", "dev", LATCHKEY, str(file), *options, **changes)
        self.assertNotIn("Traceback", done.stderr)
        return text, done

    def value(self):
        # Names the label: without one, moto answers with the version that was in force first.
        found = self.moto.client("secretsmanager").get_secret_value(SecretId="firebase", VersionStage="AWSCURRENT")
        return found["SecretString"]

    def test_a_service_account_goes_into_the_secret_of_its_stack(self):
        self.stack("my-app")
        text, done = self.give("my-app")
        self.assertEqual(done.returncode, 0, done.stderr)
        event = json.loads(done.stderr)
        self.assertEqual((event["event"], event["actor"]), ("service_account_stored", "tool"))
        self.assertEqual(self.value(), text)
        for words in ("latchkey-dev of account 123456789012, region eu-central-1", "project my-app", "in the secret firebase"):
            self.assertIn(words, done.stdout)

    def test_an_account_of_another_project_is_refused_unless_it_is_wanted(self):
        self.stack()
        self.give("my-app")
        _, done = self.give("their-app")
        self.assertEqual((done.returncode, "the project my-app" in done.stderr), (1, True), done.stderr)
        text, done = self.give("their-app", "--other-project")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.value(), text)

    def test_an_account_of_another_project_than_the_stack_s_is_refused_in_any_case(self):
        self.stack("their-app")
        _, done = self.give("my-app", "--other-project")
        self.assertEqual((done.returncode, "is for the project their-app" in done.stderr), (1, True), done.stderr)

    def test_a_missing_stack_region_or_credentials_is_a_sentence(self):
        for words, changes in (
            ("There is no stack latchkey-dev in eu-central-1", {}),
            ("No region", {"AWS_REGION": None}),
            ("No AWS credentials", {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}),
        ):
            _, done = self.give("my-app", **changes)
            self.assertEqual((done.returncode, words in done.stderr), (1, True), done.stderr)


if __name__ == "__main__":
    unittest.main()
