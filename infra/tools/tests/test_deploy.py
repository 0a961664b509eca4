"""Tests `make deploy` with moto's STS and CloudFormation."""

import unittest
from pathlib import Path
from unittest import mock

from deployment.deploy import must_be_complete
from deployment.preflight import Findings, another_table, deployable
from deployment.refusal import Refusal
from deployment.stack import Stack

from .aws import ROOT
from .case import Deployment
from .limits import Limits
from .repository import TEMPLATE

# An AWS_CONFIG_FILE with an SSO profile that never logged in.
SSO_PROFILE = """
[profile company]
region = eu-central-1
sso_start_url = https://company.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = admin
"""


class Looking(Deployment):
    def test_everything_that_is_missing_is_said_in_one_go_and_nothing_is_built(self):
        self.repository.write("sam-fails", "validate")
        self.repository.write(".tools/venv/bin/python-zig", "#!/bin/sh\nexit 1\n")
        done = self.refused(
            "6 things are missing", "--env", "dev", "--parameters", "TokenProfile=firebase",
            AWS_REGION=None, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, PATH=f"{self.without_cargo()}:/usr/bin:/bin",
        )
        for words in ("Rust is missing", "Zig does not run", "template.yaml is not valid", "No region", "No AWS credentials",
                      "FirebaseProjectId is not set"):
            self.assertIn(words, done.stderr)

    def without_cargo(self):
        empty = self.repository.root / "empty"
        empty.mkdir()
        return empty

    def test_the_real_repository_lacks_nothing_but_an_account(self):
        done = self.moto.run("deployment.deploy", "--env", "dev", "--only-look", root=ROOT, AWS_ACCESS_KEY_ID=None,
                             AWS_SECRET_ACCESS_KEY=None)
        self.assertEqual(done.returncode, 1)
        missing = [line for line in done.stderr.splitlines() if line.startswith("  MISSING")]
        expected = ["No AWS credentials"]
        if not Path(ROOT, "samconfig.toml").exists():
            expected.append("FirebaseProjectId is not set")
        self.assertEqual(len(missing), len(expected), done.stderr)
        for line, words in zip(missing, expected):
            self.assertIn(words, line)

    def test_it_says_where_it_will_go(self):
        done = self.deploy("--env", "dev", "--only-look")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("AWS account 123456789012, region eu-central-1", done.stdout)
        self.assertEqual(self.repository.calls(), [])

    def test_credentials_and_regions_that_do_not_work_are_sentences(self):
        keyless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        self.refused("No AWS credentials", "--env", "dev", **keyless)
        self.refused("no such AWS profile", "--env", "dev", AWS_PROFILE="nobody", **keyless)
        self.refused("are incomplete", "--env", "dev", AWS_SECRET_ACCESS_KEY=None)
        self.refused("cannot be reached", "--env", "dev", AWS_ENDPOINT_URL="http://127.0.0.1:9")
        self.refused("has no address in the region", "--env", "dev", AWS_REGION="not a region", AWS_ENDPOINT_URL=None)
        Path(self.moto.folder.name, "config").write_text(SSO_PROFILE)
        self.addCleanup(Path(self.moto.folder.name, "config").unlink)
        self.refused("SSO login has expired", "--env", "dev", AWS_PROFILE="company", **keyless)

    def test_credentials_that_aws_refuses_are_a_sentence(self):
        with Limits(10, refused="ExpiredTokenException") as sts:
            self.refused("have expired", "--env", "dev", AWS_ENDPOINT_URL_STS=sts)
        with Limits(10) as page:
            self.refused("The answer is not from AWS", "--env", "dev", AWS_ENDPOINT_URL_STS=page)

    def test_a_stack_that_was_only_looked_at_can_be_deployed(self):
        self.moto.client("cloudformation").create_change_set(
            StackName="latchkey-dev", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=TEMPLATE
        )
        # SAM leaves this state if its first change set was not executed.
        self.assertEqual(self.deploy("--env", "dev", "--only-look").returncode, 0)

    def test_a_parameter_that_is_none_is_refused(self):
        self.refused("no parameter Nonsense", "--env", "dev", "--parameters", "Nonsense=1")
        self.refused("is not one", "--env", "dev", "--parameters", "Nonsense")
        self.refused("arm64 or x86_64", "--env", "dev", "--parameters", "Architecture=mips")


class States(unittest.TestCase):
    """Tests states of a stack that moto cannot imitate."""

    def look(self, status):
        found = Findings()
        with mock.patch("deployment.stack.find", lambda *_: Stack("latchkey-dev", status)):
            found.look(deployable, found, "dev")
        return "; ".join(found.missing)

    def test_a_stack_that_can_only_be_deleted_is_told_before_the_build(self):
        for status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            self.assertIn("can only be deleted", self.look(status))

    def test_a_stack_that_is_stuck_on_its_way_back_is_told_before_the_build(self):
        self.assertIn("continue-update-rollback", self.look("UPDATE_ROLLBACK_FAILED"))

    def test_only_a_stack_that_is_complete_was_deployed(self):
        for status in ("REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE"):
            with self.assertRaisesRegex(Refusal, "was not deployed"):
                must_be_complete(Stack("latchkey-prod", status))
        for status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
            must_be_complete(Stack("latchkey-prod", status))

    def test_functions_move_to_another_table_only_where_somebody_says_so(self):
        before = {"TableName": "", "ExistingTable": "arn:a"}
        another_table({}, {"TableName": "new"})
        another_table(before, before)
        for wanted in ({"TableName": "", "ExistingTable": ""}, {"TableName": "x", "ExistingTable": "arn:a"}):
            with self.assertRaisesRegex(Refusal, "ANOTHER_TABLE=yes"):
                another_table(before, wanted)
            with mock.patch.dict("os.environ", ANOTHER_TABLE="yes"):
                another_table(before, wanted)

    def test_a_stack_that_is_being_changed_is_waited_for(self):
        for status in ("CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"):
            self.assertIn("wait until that is over", self.look(status))

    def test_every_other_stack_is_deployed_onto(self):
        for status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"):
            self.assertEqual(self.look(status), "")


class Concurrency(Deployment):
    def test_more_than_the_account_can_reserve_is_refused_with_a_way_out(self):
        with Limits(10) as limits:
            done = self.refused(
                "of its 10 concurrent executions 0 can be reserved", "--env", "dev", "--parameters", "LoginConcurrency=1",
                AWS_ENDPOINT_URL_LAMBDA=limits,
            )
        self.assertIn("PARAMETERS='LoginConcurrency=0'", done.stderr)

    def test_a_hundred_executions_stay_unreserved(self):
        for limit, number, code in ((150, 50, 0), (150, 51, 1)):
            with Limits(limit) as limits:
                words = f"LoginConcurrency={number}"
                done = self.deploy("--env", "dev", "--only-look", "--parameters", words, AWS_ENDPOINT_URL_LAMBDA=limits)
            self.assertEqual(done.returncode, code, done.stderr)

    def test_what_the_stack_reserves_already_is_not_taken_twice(self):
        asked = ("--env", "dev", "--only-look", "--parameters", "LoginConcurrency=50")
        with Limits(150, reserved=40) as limits:
            self.refused("of its 150 concurrent executions 10 can be", *asked, AWS_ENDPOINT_URL_LAMBDA=limits)
            self.deployed()
            done = self.deploy(*asked, AWS_ENDPOINT_URL_LAMBDA=limits)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_account_that_may_not_be_asked_does_not_stop_the_deployment(self):
        with Limits(10, refused="AccessDeniedException") as limits:
            done = self.deploy(
                "--env", "dev", "--only-look", "--parameters", "LoginConcurrency=50", AWS_ENDPOINT_URL_LAMBDA=limits
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("concurrency not checked", done.stdout)


class Deploying(Deployment):
    def test_it_builds_deploys_and_says_what_to_paste_and_what_comes_next(self):
        self.deployed(TokenProfile="firebase")
        done = self.deploy("--env", "dev")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.repository.calls(), [
            "make build arm64",
            "sam deploy --template-file template.yaml --config-env dev --stack-name latchkey-dev --region eu-central-1 "
            "(AWS_DEFAULT_REGION=eu-central-1, telemetry 0)",
        ])
        self.assertRegex(done.stdout, r"ApiUrl +https://api\.example\n")
        self.assertIn("make service-account FILE=… ENV=dev", done.stdout)
        self.assertIn("make smoke URL=https://api.example", done.stdout)

    def test_a_secret_that_is_filled_is_not_asked_for(self):
        self.deployed(TokenProfile="firebase")
        self.moto.client("secretsmanager").put_secret_value(SecretId="firebase", SecretString="{}")
        self.assertNotIn("service-account", self.deploy("--env", "dev").stdout)

    def test_parameters_are_added_to_those_of_samconfig(self):
        self.deployed()
        self.assertEqual(self.deploy("--env", "dev", "--parameters", "Architecture=x86_64").returncode, 0)
        built, deployed = self.repository.calls()
        self.assertEqual(built, "make build x86_64")
        self.assertIn("--parameter-overrides TokenProfile=access Note='two words' Architecture=x86_64", deployed)

    def test_what_is_deployed_stays_unless_it_is_overridden(self):
        self.deployed(Architecture="x86_64")
        self.assertEqual(self.deploy("--env", "dev").returncode, 0)
        self.assertEqual(self.repository.calls()[0], "make build x86_64")

    def test_production_is_confirmed_by_its_name(self):
        self.deployed("latchkey-prod")
        with Limits(1000) as limits:
            self.refused("Not confirmed", "--env", "prod", AWS_ENDPOINT_URL_LAMBDA=limits)
            self.refused("Not confirmed", "--env", "prod", "--confirm", "yes", AWS_ENDPOINT_URL_LAMBDA=limits)
            done = self.deploy("--env", "prod", "--confirm", "latchkey-prod", AWS_ENDPOINT_URL_LAMBDA=limits)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--no-confirm-changeset", self.repository.calls()[1])

    def test_a_deployment_that_fails_prints_nothing_to_paste(self):
        self.deployed()
        self.repository.write("sam-fails", "deploy")
        done = self.deploy("--env", "dev")
        self.assertEqual(done.returncode, 1)
        self.assertIn("was not deployed", done.stderr)
        self.assertNotIn("ApiUrl", done.stdout)


if __name__ == "__main__":
    unittest.main()
