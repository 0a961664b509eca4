"""A door before moto, which can stay shut for some requests, as a network or a policy does."""

import urllib.error
import urllib.request

from .serving import QuietHandler, Served


class Gate(Served):
    """Passes requests on to `url`. If `is_shut` says so of a method and a path, it answers with an
    error of AWS's, or hangs up if there is no `code`. `change` may change the body of an answer,
    which it gets with the body of the request."""

    def __init__(self, url, is_shut, code="", change=lambda _, answer: answer):
        class Handler(QuietHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if not is_shut(self.command, self.path):
                    self.pass_on(body)
                elif code:
                    self.refuse()
                else:
                    self.close_connection = True

            def pass_on(self, body):
                headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
                request = urllib.request.Request(url + self.path, body or None, headers, method=self.command)
                try:
                    with urllib.request.urlopen(request) as answer:
                        self.answer(answer.status, answer.headers, change(body, answer.read()))
                except urllib.error.HTTPError as error:
                    self.answer(error.code, error.headers, error.read())

            def refuse(self):
                """Answers like S3, and after a POST like CloudFormation."""
                error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
                body = f"<ErrorResponse>{error}</ErrorResponse>" if self.command == "POST" else error
                self.answer(403, {"content-type": "text/xml"}, body.encode())

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                        self.send_header(name, value)
                length = headers.get("content-length") if self.command == "HEAD" else None
                self.send_header("content-length", length or str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = handle_any

        super().__init__(Handler)
