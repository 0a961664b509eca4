"""The basis of the deployment's tests: an empty AWS, and a folder that looks like the
repository."""

import tempfile
import unittest

from .aws import Moto
from .repository import TEMPLATE, Repository


class OnMoto(unittest.TestCase):
    """Tests with one AWS. Each test finds it empty, and has a scratch folder."""

    @classmethod
    def setUpClass(cls):
        cls.moto = Moto()
        cls.addClassCleanup(cls.moto.stop)

    def setUp(self):
        self.moto.reset()
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)


class Deployment(OnMoto):
    def setUp(self):
        super().setUp()
        self.repository = Repository(self.scratch.name)

    def deployed(self, name="latchkey-dev", **parameters):
        """Makes the stack that `sam deploy` would have made. moto's CloudFormation makes no
        secrets."""
        self.moto.client("cloudformation").create_stack(
            StackName=name, TemplateBody=TEMPLATE,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        self.moto.client("secretsmanager").create_secret(Name="firebase")

    def run_it(self, module, *arguments, **changes):
        done = self.moto.run(module, *arguments, root=self.repository.root, **changes)
        self.assertNotIn("Traceback", done.stderr)
        return done

    def deploy(self, *arguments, **changes):
        return self.run_it("deployment.deploy", *arguments, **changes)

    def refused(self, words, *arguments, **changes):
        done = self.deploy(*arguments, **changes)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.repository.calls(), [])
        return done
