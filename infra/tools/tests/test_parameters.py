"""Tests that the values of parameters are those that SAM uses."""

import tempfile
import unittest
from pathlib import Path

from deployment.parameters import configured, effective, given, read_template
from deployment.refusal import Refusal

FORMS = (
    'parameter_overrides = "A=1 B=\\"two words\\""',
    'parameter_overrides = ["A=1", "B=two words"]',
    "parameter_overrides = {A = 1, B = 'two words'}",
)


class Parameters(unittest.TestCase):
    def test_samconfig_is_read_in_each_form_that_sam_reads(self):
        for form in FORMS:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "samconfig.toml")
                file.write_text(f"[dev.deploy.parameters]\n{form}\n[prod.deploy.parameters]\nparameter_overrides = 'A=2'\n")
                self.assertEqual(configured(file, "dev"), {"A": "1", "B": "two words"}, form)

    def test_what_is_given_goes_before_what_is_deployed_and_that_before_the_default(self):
        template = read_template("Parameters: {A: {Default: 1}, B: {Default: 2}, C: {Default: 3}}\nX: !Sub '${A}'")
        deployed = {"B": "deployed", "C": "deployed", "Gone": "x"}
        self.assertEqual(effective(template, {"C": "given"}, deployed), {"A": "1", "B": "deployed", "C": "given"})

    def test_an_override_of_no_parameter_is_refused(self):
        with self.assertRaises(Refusal):
            effective({"Parameters": {}}, {"A": "1"}, {})

    def test_a_value_may_have_an_equals_sign_and_a_name_is_needed(self):
        self.assertEqual(given("A=b=c"), {"A": "b=c"})
        with self.assertRaises(Refusal):
            given("=1")


if __name__ == "__main__":
    unittest.main()
