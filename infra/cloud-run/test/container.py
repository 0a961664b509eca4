"""Builds the image of the Dockerfile and runs it, without Docker: `make container`. It runs as service.yaml
says, and then alone with a volume, as docs/one-server.md says.

    container.py PROGRAM MOTO_SERVER             uses a program that is built already, in any profile
    container.py PROGRAM MOTO_SERVER --release   builds with the Dockerfile's own commands

The last stage is a folder here, which becomes the root of the process. It is read only, and only
the mounts of Cloud Run are mounted. The process runs as the Dockerfile's user, alone in a network
in which the metadata server has its real name.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import alone
import yaml
from clouds import clouds
from image import REPOSITORY, build_context, build_stage, check_context, check_root, make_root
from instance import Instance, run
import walk

REGION = "eu-central-1"
SERVICE = REPOSITORY / "infra/cloud-run/service.yaml"
INSIDE = "--inside"
NESTED = "--nested"


def main(program, moto_server, *options):
    if INSIDE not in options:
        raise SystemExit(enter(program, moto_server, *options))
    release, scratch = "--release" in options, Path(options[options.index(INSIDE) + 1])
    # This folder disappears with the mounts of this process, with everything mounted in it. So
    # nobody has to remove folders that may belong to somebody.
    run("mount", "-t", "tmpfs", "-o", "mode=755", "latchkey", scratch)
    context, root, data = (scratch / name for name in ("context", "root", "data"))
    for folder in (context, root):
        folder.mkdir()
    build_context(context)
    check_context(context, program)
    built = build_stage(context, Path(program).resolve().parents[1], None if release else program)
    stage = make_root(root, context, built)
    size = check_root(root, stage)
    kind = "release" if release else "of " + program
    print(f"the root holds {size / 1e6:.1f} MB ({kind}); as {stage.user}: {' '.join(stage.entrypoint + stage.command)}", flush=True)
    with clouds(program, moto_server, data, REGION) as (account, keys, elsewhere):
        service = yaml.safe_load(SERVICE.read_text())["spec"]["template"]["spec"]
        instance = Instance(root, stage, service, scratch / "log", NESTED in options)
        instance.mount({("latchkey-firebase", "account.json"): account})
        walk.refuses_placeholders(instance, elsewhere)
        filled = {
            "AWS_REGION": REGION, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/latchkey",
            "TABLE_NAME": "latchkey", "ISSUER": "https://latchkey-1.europe-west1.run.app",
            "SIGNING_KEYS_SECRET_ID": keys, "GOOGLE_CLOUD_PROJECT": json.loads(account)["project_id"],
        }
        walk.serves_and_stops(instance, filled | elsewhere)
    alone.keeps_everything(root, stage, scratch, NESTED in options)


def enter(*arguments):
    """Runs this program with its own network and mounts, as root or as the root of a user namespace.
    Says so if the machine allows neither."""
    is_root = os.geteuid() == 0
    unshare = ["unshare", *([] if is_root else ["--user", "--map-root-user"]), "--net", "--mount", "--propagation", "private"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        print("This machine allows neither root nor user namespaces: THE CONTAINER WAS NEITHER BUILT NOR RUN. "
              "SKIP_CONTAINER=1 continues without it.", file=sys.stderr)
        return 0 if os.environ.get("SKIP_CONTAINER") == "1" else 1
    with tempfile.TemporaryDirectory() as scratch:
        nested = [] if is_root else [NESTED]
        return subprocess.run([*unshare, sys.executable, __file__, *arguments, INSIDE, scratch, *nested]).returncode


if __name__ == "__main__":
    main(*sys.argv[1:])
