"""Checks that an instance refuses placeholders, answers, and stops."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import clouds

# The longest that a step waits for the machine before it says that something hangs.
HUNG_SECONDS = 60
PASSWORD = "correct horse battery"
IN_FLIGHT = 8
# The address for requests. Like Cloud Run, it cannot reach a server that listens on 127.0.0.1 only.
ADDRESS = "127.0.0.2"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def refuses_placeholders(instance, elsewhere):
    """Checks that the program, with service.yaml as it is, names each placeholder's variable and ends."""
    left = [variable["name"] for variable in instance.container["env"] if "REPLACE_ME" in variable["value"]]
    assert left, "service.yaml has no placeholders"
    process = instance.start(elsewhere, stderr=subprocess.PIPE)
    _, said = process.communicate(timeout=HUNG_SECONDS)
    lines = said.decode().splitlines()
    for name in left:
        assert any(name in line and "placeholder" in line for line in lines), f"{name} may stay as it is: {lines}"
    assert process.returncode == 2, process.returncode
    print(f"refused with placeholders in {', '.join(left)}", flush=True)


def serves_and_stops(instance, variables):
    process = instance.start(variables)
    try:
        began = time.monotonic()
        wait_for_health(instance)
        print(f"healthy after {(time.monotonic() - began) * 1000:.0f} ms", flush=True)
        check_process(instance)
        check_sessions(instance)
        check_load(instance)
        check_stop(instance)
    except BaseException:
        print(instance.log.read_text()[-4000:], flush=True)
        raise
    finally:
        process.kill()
        process.wait()


def wait_for_health(instance):
    probe = instance.container["startupProbe"]
    for _ in range(probe["failureThreshold"] * 10):
        with contextlib.suppress(OSError):
            status, body = ask(instance, "GET", probe["httpGet"]["path"])
            assert (status, body["status"]) == (200, "ok"), body
            return
        assert instance.process.poll() is None, f"the instance ended with {instance.process.returncode}"
        time.sleep(probe["periodSeconds"] / 10)
    raise AssertionError("the instance does not become healthy within the startup probe's time")


def check_process(instance):
    """Checks that the process is the image's user without privileges, and names the configured issuer."""
    user, group = instance.stage.user.split(":")
    # From outside, the user of a namespace is the one who made it.
    if not instance.is_nested:
        assert set(instance.status("Uid")) == {user} and set(instance.status("Gid")) == {group}
        assert not instance.status("Groups")
    assert int(instance.status("CapEff")[0], 16) == 0
    assert ask(instance, "GET", "/.well-known/openid-configuration")[1]["issuer"].startswith("https://latchkey-1.")


def check_sessions(instance):
    created = session(instance, 0, "/create-account", 201)
    # The mounted account signed the first token, and the keys of Secrets Manager signed the second.
    assert created["jwt_token"] != created["access_token"]
    assert session(instance, 0, "/login", 200)["uid"] == created["uid"]
    status, verified = ask(instance, "POST", "/verify", {"token": created["access_token"]})
    assert (status, verified["uid"]) == (200, created["uid"]), verified
    assert ask(instance, "POST", "/login", {"email": "a0@example.com", "password": "wrong horse"})[0] == 401
    assert clouds.Metadata.tokens == 1, f"{clouds.Metadata.tokens} tokens for one set of credentials"


def check_load(instance):
    """Sends as many logins at once as Cloud Run allows. None is refused, and the memory suffices."""
    at_once = instance.service["containerConcurrency"]
    with ThreadPoolExecutor(at_once) as crowd:
        list(crowd.map(lambda number: session(instance, number, "/create-account", 201), range(1, at_once + 1)))
        began = time.monotonic()
        list(crowd.map(lambda number: session(instance, number, "/login", 200), range(1, at_once + 1)))
    took, peak = time.monotonic() - began, int(instance.status("VmHWM")[0]) / 1024
    limit = instance.container["resources"]["limits"]["memory"]
    assert limit.endswith("Gi") and peak < int(limit[:-2]) * 1024, f"{peak} MiB of {limit}"
    assert took < instance.service["timeoutSeconds"]
    print(f"{at_once} logins at a time: all answered, the last after {took * 1000:.0f} ms; at most {peak:.0f} MiB of {limit}", flush=True)


def check_stop(instance):
    """Checks that a stop answers open requests, accepts no new connection, and ends with 0 in time."""
    waiting = []
    for number in range(IN_FLIGHT):
        body = json.dumps({"email": f"a{number}@example.com", "password": PASSWORD}).encode()
        stream = socket.create_connection((ADDRESS, instance.port))
        head = f"POST /login HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n"
        stream.sendall(head.encode())
        # A connection of which nothing was read yet would count as idle. The 100 shows that the
        # server waits for the body (RFC 9110 section 10.1.1).
        assert stream.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
        waiting.append((stream, body))
    began = time.monotonic()
    instance.process.send_signal(getattr(signal, instance.stage.stop_signal))
    wait_until_closed(instance)
    for stream, body in waiting:
        stream.sendall(body)
    for stream, _ in waiting:
        answer = stream.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 "), answer
    # Cloud Run kills an instance ten seconds after it asked it to stop (container contract,
    # instance shutdown). The program ends itself after nine seconds, and then with another code.
    code = instance.process.wait(timeout=HUNG_SECONDS)
    took = time.monotonic() - began
    assert code == 0, (code, took)
    print(f"{instance.stage.stop_signal} with {IN_FLIGHT} open requests: all answered, and the end after {took * 1000:.0f} ms", flush=True)


def wait_until_closed(instance):
    end = time.monotonic() + HUNG_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection((ADDRESS, instance.port), timeout=HUNG_SECONDS).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("the instance still accepts connections")


def session(instance, number, path, expected):
    status, body = ask(instance, "POST", path, {"email": f"a{number}@example.com", "password": PASSWORD})
    assert status == expected, (number, path, status, body)
    return body


def ask(instance, method, path, body=None):
    connection = http.client.HTTPConnection(ADDRESS, instance.port, timeout=HUNG_SECONDS)
    connection.request(method, path, body and json.dumps(body), {"content-type": "application/json"})
    with contextlib.closing(connection):
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
