"""An SMTP server of aiosmtpd for the tests: with STARTTLS, with TLS from the first byte, or plain.

It prints one line of JSON when it listens, and one for each mail that it got. The first argument is
a JSON object: `host`, `port`, `security` (`none`, `starttls` or `tls`), `folder` for the certificate,
`account` with name and password, and `refusal`. The refusal is a line for every recipient, or the
word `hang`: the first mail then gets no answer after its data.
"""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import json
import ssl
import sys
import threading
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def tell(line):
    print(json.dumps(line), flush=True)


def certificate(folder, host):
    """Writes a certificate for this address that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server of mails")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


def described(content):
    """The mail as Python's own parser reads it."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    return {
        "type": mail.get_content_type(),
        "parts": [part.get_content_type() for part in mail.iter_parts()],
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "text": mail.get_body(("plain",)).get_content(),
        "html": mail.get_body(("html",)).get_content(),
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
        "longest_line": max(len(line) for line in content.split(b"\r\n")),
    }


class Handler:
    def __init__(self, refusal):
        self.refusal = refusal

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refusal and self.refusal != "hang":
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        if self.refusal == "hang":
            self.refusal = None
            await asyncio.Event().wait()
        tell({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "login": session.auth_data.login.decode() if session.auth_data else "",
            "mail": described(envelope.content),
        })
        return "250 2.0.0 accepted"


def main():
    told = json.loads(sys.argv[1])
    folder = Path(told["folder"])
    options = {"hostname": told["host"], "port": told["port"]}
    if told["security"] != "none":
        certificate(folder, told["host"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        key = "ssl_context" if told["security"] == "tls" else "tls_context"
        options[key] = context
        options["require_starttls"] = key == "tls_context"
    if told.get("account"):
        def authenticator(server, session, envelope, mechanism, shown):
            is_right = isinstance(shown, LoginPassword) and [shown.login.decode(), shown.password.decode()] == told["account"]
            return AuthResult(success=is_right, handled=False, auth_data=shown)

        # aiosmtpd knows of TLS by STARTTLS alone.
        options |= {"authenticator": authenticator, "auth_required": True, "auth_require_tls": told["security"] == "starttls"}
    controller = Controller(Handler(told.get("refusal")), **options)
    controller.start()
    tell({"listens": True})
    threading.Event().wait()


main()
