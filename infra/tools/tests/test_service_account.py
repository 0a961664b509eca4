"""`make service-account`, against moto's CloudFormation and Secrets Manager."""

import json
import os
import unittest
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .case import OnMoto

TEMPLATE = {
    "Parameters": {"FirebaseProjectId": {"Type": "String", "Default": ""}},
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    # moto's CloudFormation makes no secrets; the one with this name is made beside it.
    "Outputs": {"FirebaseServiceAccountSecretId": {"Value": "firebase"}},
}


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


GOOD = pem(rsa.generate_private_key(65537, 2048))
SHORT = pem(rsa.generate_private_key(65537, 1024))
CURVE = pem(ec.generate_private_key(ec.SECP256R1()))
SECRET_PART = GOOD.splitlines()[3]


def account(**changes):
    fields = {
        "type": "service_account", "project_id": "my-app", "private_key_id": "abc123", "private_key": GOOD,
        "client_email": "firebase-adminsdk@my-app.iam.gserviceaccount.com", **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None})


class ServiceAccount(OnMoto):
    def stack(self, project=""):
        self.moto.client("cloudformation").create_stack(
            StackName="latchkey-dev", TemplateBody=json.dumps(TEMPLATE),
            Parameters=[{"ParameterKey": "FirebaseProjectId", "ParameterValue": project}],
        )
        self.moto.client("secretsmanager").create_secret(Name="firebase")

    def give(self, text, *arguments, mode=0o600, **changes):
        file = Path(self.scratch.name, "account.json")
        file.write_text(text)
        os.chmod(file, mode)
        done = self.moto.run("deployment.service_account", "--env", "dev", "--file", str(file), *arguments, **changes)
        self.assertNotIn("Traceback", done.stderr)
        for line in GOOD.splitlines()[1:-1]:
            self.assertNotIn(line, done.stdout + done.stderr)
        return done

    def refused(self, words, text, *arguments, **changes):
        done = self.give(text, *arguments, **changes)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(words, done.stderr)

    def value(self):
        return self.moto.client("secretsmanager").get_secret_value(SecretId="firebase")["SecretString"]

    def test_a_service_account_goes_into_its_secret_as_it_is(self):
        self.stack("my-app")
        done = self.give(account())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.value(), account())
        for word in ("my-app", "firebase-adminsdk@", "abc123", "eu-central-1"):
            self.assertIn(word, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_a_file_that_others_may_read_is_warned_of(self):
        self.stack()
        self.assertIn("Warning", self.give(account(), mode=0o644).stderr)

    def test_what_is_no_service_account_is_refused_by_name(self):
        self.refused("no JSON", GOOD)
        self.refused("no JSON object", "[]")
        self.refused("google-services.json", json.dumps({"project_info": {}, "client": []}))
        self.refused("web app's configuration", json.dumps({"apiKey": "x", "authDomain": "y"}))
        self.refused("type is not service_account", account(type="authorized_user"))
        self.refused("larger than 64 KiB", " " * 70_000)
        for name in ("project_id", "client_email", "private_key_id", "private_key"):
            self.refused(f"no {name}", account(**{name: None}))

    def test_a_key_that_could_not_sign_is_refused(self):
        self.refused("1024 bits", account(private_key=SHORT))
        self.refused("no RSA key", account(private_key=CURVE))
        self.refused("cannot be read", account(private_key=GOOD.replace(SECRET_PART, "")))

    def test_an_account_of_another_project_is_refused_unless_it_is_wanted(self):
        self.stack()
        self.assertEqual(self.give(account()).returncode, 0)
        other = account(project_id="their-app")
        self.refused("the project my-app", other)
        self.assertEqual(self.value(), account())
        self.assertEqual(self.give(other, "--other-project").returncode, 0)
        self.assertEqual(self.value(), other)
        # A new key of the same project is a rotation, and needs no word more.
        self.assertEqual(self.give(account(project_id="their-app", private_key_id="new")).returncode, 0)

    def test_an_account_of_another_project_than_the_stack_s_is_refused_in_any_case(self):
        self.stack("their-app")
        self.refused("deployed for the project their-app", account(), "--other-project")

    def test_a_missing_file_stack_region_or_credentials_is_a_sentence(self):
        done = self.moto.run("deployment.service_account", "--env", "dev", "--file", "/no/such/file")
        self.assertEqual((done.returncode, "cannot be read" in done.stderr), (1, True), done.stderr)
        self.refused("There is no stack latchkey-dev in eu-central-1", account())
        self.refused("No region", account(), AWS_REGION=None)
        self.refused("No AWS credentials", account(), AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)


if __name__ == "__main__":
    unittest.main()
