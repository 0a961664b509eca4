"""Tests `make destroy-dev` and `make logs` with moto's STS and CloudFormation."""

import unittest

from .case import Deployment


class Destroying(Deployment):
    def destroy(self, *arguments):
        return self.run_it("deployment.destroy", *arguments)

    def test_the_stack_goes_and_what_is_kept_is_named_with_its_removal(self):
        self.deployed()
        [table] = self.moto.client("dynamodb").list_tables()["TableNames"]
        done = self.destroy("--confirm", "latchkey-dev")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"AWS::DynamoDB::Table  {table}", done.stdout)
        self.assertIn(f"aws dynamodb delete-table --region eu-central-1 --table-name {table}", done.stdout)
        self.assertNotIn("SNS", done.stdout)
        self.assertEqual(self.moto.client("sns").list_topics()["Topics"], [])

    def test_it_is_confirmed_by_name_and_knows_no_production(self):
        self.deployed()
        self.assertIn("Not confirmed", self.destroy().stderr)
        self.assertEqual(self.destroy("--env", "prod").returncode, 2)
        self.assertEqual(len(self.moto.client("sns").list_topics()["Topics"]), 1)

    def test_no_stack_is_a_sentence(self):
        self.assertIn("There is no stack latchkey-dev", self.destroy("--confirm", "latchkey-dev").stderr)


class Logs(Deployment):
    def test_a_function_is_found_by_the_name_of_its_folder(self):
        self.deployed()
        done = self.run_it("deployment.logs", "--env", "dev", "--function", "create-account")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.repository.calls(), [
            "sam logs --stack-name latchkey-dev --region eu-central-1 --tail --name CreateAccountFunction "
            "(AWS_DEFAULT_REGION=eu-central-1, telemetry 0)"
        ])

    def test_a_function_that_is_not_there_is_refused_with_those_that_are(self):
        done = self.run_it("deployment.logs", "--env", "dev", "--function", "signin")
        self.assertIn("FUNCTION is one of create-account, login, not signin.", done.stderr)


if __name__ == "__main__":
    unittest.main()
