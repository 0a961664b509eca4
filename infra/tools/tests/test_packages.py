"""Tests the packages that `make sizes` refuses. `make artefacts` shows that it accepts the real
ones."""

import io
import unittest
import zipfile

from packages import judge

X86 = b"\x7fELF".ljust(18, b"\0") + (62).to_bytes(2, "little")


def package(mode=0o755, **entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in (entries or {"bootstrap": X86}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            made.writestr(entry, content)
    return buffer.getvalue()


class Packages(unittest.TestCase):
    def refused(self, words, zipped, architecture="x86_64"):
        with self.assertRaises(SystemExit) as refusal:
            judge("LoginFunction", zipped, architecture)
        self.assertIn(words, str(refusal.exception))

    def test_one_executable_bootstrap_is_taken_at_its_size(self):
        self.assertEqual(judge("LoginFunction", package(), "x86_64"), len(X86))

    def test_anything_beside_the_bootstrap_is_refused(self):
        self.refused("not only bootstrap", package(bootstrap=X86, secrets=b"x"))
        self.refused("not only bootstrap", package(login=X86))

    def test_a_bootstrap_that_nobody_may_execute_is_refused(self):
        self.refused("not executable for all", package(mode=0o644))
        self.refused("not executable for all", package(mode=0o744))

    def test_a_program_for_another_processor_is_refused(self):
        self.refused("no program for arm64", package(), "arm64")
        self.refused("no program for x86_64", package(bootstrap=b"#!/bin/sh\n"))


if __name__ == "__main__":
    unittest.main()
