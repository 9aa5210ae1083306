#!/usr/bin/env python3
"""Says what Python's http.server and parse_qs read: <<METHOD|first operation|last operation>>."""
import http.server
import sys
import urllib.parse


class Reader(http.server.BaseHTTPRequestHandler):
    """Answers any method."""

    protocol_version = "HTTP/1.1"
    timeout = 2

    def answer(self):
        """One request, its body left unread but for Content-Length."""
        length = self.headers.get("Content-Length", "0") if self.headers else "0"
        self.rfile.read(int(length) if length.isdigit() else 0)
        query = urllib.parse.urlsplit(self.path).query
        values = [v for k, v in urllib.parse.parse_qsl(query, True) if k == "operation"] or [""]
        ends = "|".join("=" + urllib.parse.quote(v, "") for v in (values[0], values[-1]))
        body = f"<<{self.command}|{ends}>>".encode()
        if self.request_version != "HTTP/0.9":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
        self.wfile.write(body)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Reader).serve_forever()
