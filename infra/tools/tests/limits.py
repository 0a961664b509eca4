"""Imitates what moto does not: Lambda's account settings, with a limit and reservations, and
refusals."""

import json

from .serving import QuietHandler, Served


class Limits(Served):
    """An account with a limit, of which its functions reserve `reserved`. With `refused` it answers
    an error code."""

    def __init__(self, limit, reserved=0, refused=""):
        settings = {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit - reserved}}

        class Handler(QuietHandler):
            def do_POST(self):
                """Answers like STS, whose refusals are XML."""
                body = f"<ErrorResponse><Error><Code>{refused}</Code><Message>no</Message></Error></ErrorResponse>"
                self.send_response(403)
                body = body if refused else "<html>Welcome to this hotel's network<br></html>"
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def do_GET(self):
                function = self.path.endswith("/concurrency")
                body = json.dumps({"ReservedConcurrentExecutions": reserved} if function else settings)
                self.send_response(403 if refused else 200)
                if refused:
                    self.send_header("x-amzn-errortype", refused)
                    body = '{"Message": "no"}'
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        super().__init__(Handler)
