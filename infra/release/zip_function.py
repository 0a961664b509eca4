"""Writes the zip of a function for Lambda: one executable `bootstrap`, of the time SOURCE_DATE_EPOCH.

    zip_function.py PROGRAM ZIP

Python writes it, since a machine with the tools of a build need not have the program zip.
"""

import os
import sys
import time
import zipfile
from pathlib import Path

# A regular file that everybody may read and run.
MODE = 0o100755
UNIX = 3


def main(program: str, package: str) -> None:
    entry = zipfile.ZipInfo("bootstrap", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6])
    entry.create_system = UNIX
    entry.external_attr = MODE << 16
    with zipfile.ZipFile(package, "w") as file:
        file.writestr(entry, Path(program).read_bytes(), zipfile.ZIP_DEFLATED, 9)


main(*sys.argv[1:])
