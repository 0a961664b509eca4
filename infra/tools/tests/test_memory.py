"""Tests the arithmetic of `make memory`."""

import unittest

from memory import row
from share import ONE_PROCESSOR_MB, PERIOD_MICROSECONDS, quota

FIGURES = {"cold": 100, "median": 39.2, "p99": 50, "billed": 40, "processor": 20, "peak": 30}


class Memory(unittest.TestCase):
    def test_a_million_requests_of_40_ms_at_a_gigabyte_are_40_000_gb_seconds(self):
        # 40,000 × 0.0000133334 + 0.20 and 40,000 × 0.0000166667 + 0.20.
        self.assertEqual(row(1024, FIGURES).split(), ["1024", "100", "39.2", "50.0", "20.0", "40,000", "0.73", "0.87", "30.0"])

    def test_1769_mb_are_one_processor_and_half_of_it_is_half_of_one(self):
        self.assertEqual(quota(ONE_PROCESSOR_MB), PERIOD_MICROSECONDS)
        self.assertEqual(quota(128), 1447)


if __name__ == "__main__":
    unittest.main()
