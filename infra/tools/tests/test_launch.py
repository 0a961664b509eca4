"""Holds `docs/launch.md` to the template: every field with its explanation, what stays after a
deletion, and what the secrets cost. `UPDATE_DOCS=1` writes the tables of fields anew."""

import os
import re
import unittest

from deployment.parameters import read_template

from .aws import ROOT

PAGE = ROOT / "docs/launch.md"
HEADLINE = "## Every field\n\n"
CENTS_OF_A_SECRET = 40
# The services that keep something, as the page calls them.
KEEPERS = {"AWS::DynamoDB::Table": "DynamoDB", "AWS::SecretsManager::Secret": "Secrets Manager", "AWS::KMS::Key": "KMS"}


def tables(template):
    """The tables of all fields, in the groups and in the order of the form."""
    form = template["Metadata"]["AWS::CloudFormation::Interface"]
    return "\n\n".join(table(group, form["ParameterLabels"], template["Parameters"]) for group in form["ParameterGroups"]) + "\n"


def table(group, labels, parameters):
    lines = [f"### {group['Label']['default']}", "", "| field, and its name | default | may be | explanation |", "|---|---|---|---|"]
    for name in group["Parameters"]:
        cells = (f"*{labels[name]['default']}*, `{name}`", default(parameters[name]), choices(parameters[name]))
        lines.append(f"| {' | '.join(cells)} | {escaped(parameters[name]['Description'])} |")
    return "\n".join(lines)


def default(parameter):
    return f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty"


def choices(parameter):
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    return f"{parameter['MinValue']} to {parameter['MaxValue']}" if parameter["Type"] == "Number" else "a text"


def escaped(text):
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


class Launch(unittest.TestCase):
    def setUp(self):
        self.template = read_template((ROOT / "template.yaml").read_text())
        self.page = PAGE.read_text()

    def test_every_field_of_the_form_is_explained(self):
        before, headline, _ = self.page.partition(HEADLINE)
        expected = before + headline + tables(self.template)
        if os.environ.get("UPDATE_DOCS"):
            PAGE.write_text(expected)
            self.page = expected
        self.assertEqual(self.page, expected, "Run UPDATE_DOCS=1 make tools.")

    def test_a_field_to_decide_is_one_of_the_form(self):
        labels = {label["default"] for label in self.template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"].values()}
        chapter = self.page.partition("## The fields to decide")[2].partition("\n## ")[0]
        named = re.findall(r"^\| \*([^*]+)\* \|", chapter, re.MULTILINE)
        self.assertGreater(len(named), 5)
        self.assertEqual([name for name in named if name not in labels], [])

    def test_a_refusal_of_the_form_is_quoted_as_the_template_words_it(self):
        [assertion] = self.template["Rules"]["ProjectIsNamed"]["Assertions"]
        [quoted] = re.findall(r"^\| `(FirebaseProjectId [^`]+)` \|", self.page, re.MULTILINE)
        self.assertTrue(assertion["AssertDescription"].startswith(f"{quoted}."))

    def test_everything_that_stays_is_named(self):
        kept = {each["Type"] for each in self.template["Resources"].values() if "Retain" in each.get("DeletionPolicy", "")}
        self.assertEqual(kept, set(KEEPERS))
        chapter = self.page.partition("## Take it down")[2].partition("\n## ")[0]
        for name in KEEPERS.values():
            self.assertIn(name, chapter)

    def test_the_cost_of_the_secrets_is_that_of_those_that_every_stack_has(self):
        secrets = [each for each in self.template["Resources"].values() if each["Type"] == "AWS::SecretsManager::Secret"]
        count = len([each for each in secrets if "Condition" not in each])
        dollars = f"{count * CENTS_OF_A_SECRET / 100:.2f}"
        operating = (ROOT / "docs/operating.md").read_text()
        self.assertIn(f"{count} × 0.40 = {dollars} a month", operating)
        for text in (self.page, operating, (ROOT / "README.md").read_text()):
            self.assertIn(f"{dollars} dollars", " ".join(text.split()))


if __name__ == "__main__":
    unittest.main()
