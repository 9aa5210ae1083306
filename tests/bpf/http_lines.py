"""Requests as bytes, by kind: what real clients send, and every way known to show two HTTP readers two
different requests. A case is (kind, name, turns, class or None); turns are sent one after the other's
answer, class is what the guard must say of the first request, None where readers may differ.
"""
import random

SEED = 8894
USEFUL, NEXT = b"GetCACaps", b"GetNextCACert"
CLOSE, KEEP = b"Host: ca\r\nConnection: close\r\n\r\n", b"Host: ca\r\n\r\n"
NEXT_REQUEST = b"GET /scep?operation=GetNextCACert HTTP/1.1\r\nHost: ca\r\n\r\n"
CMS = b"MIIGXAYJKoZIhvcNAQcCoIIGTTCCBkkCAQExDjAMBggqhkiG9w0CBQUAMIIC7gYJ" * 40


def line(target, method=b"GET", version=b"HTTP/1.1", head=CLOSE):
    return method + b" " + target + b" " + version + b"\r\n" + head


def op(value=USEFUL, name=b"operation"):
    return b"/scep?" + name + b"=" + value


def post(length, body, extra=b"", end=KEEP):
    """Kept alive, so that a server goes on to what is behind the body as it sees it."""
    head = extra + (b"" if length is None else b"Content-Length: " + length + b"\r\n") + end
    return line(b"/scep?operation=PKIOperation", b"POST", head=head) + body


def wrapped():
    """Base64 as IOS and sscep escape it: lines of 64, their ends and '+' escaped."""
    lines = [CMS[i:i + 64] for i in range(0, len(CMS), 64)]
    return b"%0A".join(lines).replace(b"+", b"%2B").replace(b"=", b"%3D") + b"%0A"


IOS = (b"User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n", b"Host: 192.168.105.3\r\n\r\n")
NDES = b"User-Agent: Mozilla/4.0 (compatible; Win32; NDES client)\r\nHost: ca\r\nConnection: close\r\n\r\n"
GO = b"Host: ca:80\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"


def real_clients():
    """Request heads of the clients in the facts file, by hand (live ones: test_clients.py)."""
    ios = b"".join(IOS)
    for name in ("GetCACaps", "GetCACert", "GetNextCACert"):
        value = name.encode()
        for path in (b"/cgi-bin/pkiclient.exe", b"/scep", b"/certsrv/mscep/mscep.dll/pkiclient.exe",
                     b"/ejbca/publicweb/apply/scep/branch/pkiclient.exe"):
            yield f"IOS {name} {path.decode()}", line(
                path + b"?operation=" + value + b"&message=GETVPN", version=b"HTTP/1.0", head=ios), name
        yield f"NDES {name}", line(op(value) + b"&message=default", head=NDES), name
        yield f"sscep {name}", line(op(value) + b"&message=CAIdentifier"), name
        yield f"jscep {name}", line(op(value) + b"&message="), name
        yield f"Go {name}", line(b"/scep?message=ca&operation=" + value, head=GO), name
        yield f"strongSwan {name}", line(op(value), head=b"Host: ca\r\nAccept: */*\r\n"
                                                         b"Connection: close\r\n\r\n"), name
        yield f"sscep, proxy {name}", line(b"http://127.0.0.1" + op(value)), name
    get = "PKIOperation-GET"
    pki = b"/scep?operation=PKIOperation&message="
    yield "IOS GET", line(pki + wrapped(), version=b"HTTP/1.0", head=IOS[1]), get
    yield "jscep GET", line(pki + CMS.replace(b"J", b"+/") + b"=="), get
    yield "Go GET", line(b"/scep?message=" + CMS + b"%2B%2F%3D&operation=PKIOperation", head=GO), get
    yield "Go GET, old", line(b"/scep?message=" + CMS.replace(b"J", b"-_") +
                              b"%3D&operation=PKIOperation", head=GO), get
    body = bytes(range(256)) * 10
    for name, extra in (("sscep", b""), ("Go", b"Content-Type: application/octet-stream\r\n"),
                        ("strongSwan", b"Accept: */*\r\n"), ("curl", b"User-Agent: curl/7.88.1\r\n")):
        yield f"{name} POST", post(b"2560", body, extra, CLOSE), "PKIOperation-POST"


def escape(text, places, pattern=b"%%%02x"):
    return b"".join(pattern % c if i in places else bytes([c]) for i, c in enumerate(text))


def percent_encoding():
    for value in (USEFUL, NEXT, b"PKIOperation"):
        known = {USEFUL: "GetCACaps", NEXT: "GetNextCACert"}.get(value, "PKIOperation-GET")
        for i in range(len(value)):
            yield f"{value.decode()} letter {i}", line(op(escape(value, {i}))), known
        yield f"{value.decode()} all", line(op(escape(value, range(20), b"%%%02X"))), known
    for i in range(9):
        yield f"name letter {i}", line(op(NEXT, escape(b"operation", {i}))), "GetNextCACert"
        yield f"useful name letter {i}", line(op(USEFUL, escape(b"operation", {i}))), "GetCACaps"
    odd = {"double": b"Get%254eextCACert", "broken": b"GetCACaps%", "one digit": b"GetCACaps%4",
           "no hex": b"Get%zzCACaps", "overlong": b"Get%c1%8eextCACert", "%u": b"Get%u004eextCACert",
           "NUL": b"GetCACaps%00", "NUL first": b"%00GetCACaps", "space": b"GetCACaps%20",
           "CRLF": b"GetCACaps%0d%0aX:y", "ampersand": b"GetCACaps%26operation=GetNextCACert",
           "hash": b"GetCACaps%23", "plus": b"GetCACaps+", "space first": b"%20GetCACaps",
           "semicolon": b"GetCACaps%3boperation=GetNextCACert", "equals": b"%3dGetCACaps"}
    for name, value in odd.items():
        yield f"value {name}", line(op(value)), None
        yield f"value {name}, next before", line(op(NEXT) + b"&operation=" + value), None
        yield f"value {name}, behind", line(op() + b"&operation=" + value), None
    names = (b"operation%00", b"%00operation", b"operation%20", b"+operation", b"operation%5b%5d",
             b"%u006fperation", b"operatio%c1%ae", b"operation%3dGetNextCACert&x", b"%256fperation",
             b"operation%", b"o%peration", b"operation%0a", b"%26operation", b"x%26operation",
             b"%3foperation", b"operation%23")
    for name in names:
        yield f"name {name.decode()}, next", line(op(NEXT, name) + b"&operation=GetCACaps"), None
        yield f"name {name.decode()}, behind", line(op() + b"&" + name + b"=GetNextCACert"), None
        yield f"name {name.decode()} alone", line(op(USEFUL, name)), None
    yield "escaped '?'", line(b"/scep%3foperation=GetNextCACert?operation=GetCACaps"), None
    yield "escaped '?' only", line(b"/scep%3foperation=GetCACaps"), None
    yield "escaped path", line(b"/%73cep?operation=GetCACaps"), "GetCACaps"


DECOYS = (
    b"operation=%b&operation=%b", b"operation=%b&x=1&operation=%b", b"operation=%b&&operation=%b",
    b"operation=%b;operation=%b", b"operation=%b&OPERATION=%b", b"Operation=%b&operation=%b",
    b"operation=%b&operation[]=%b", b"operation[]=%b&operation=%b", b"operation[a]=%b&operation=%b",
    b"operation=%b&amp;operation=%b", b"message=operation=%b&operation=%b", b"operation=%b?operation=%b",
    b"?operation=%b&operation=%b", b"operation=%b#&operation=%b", b"#operation=%b&operation=%b",
    b"x=#?operation=%b&operation=%b", b"operation=%b,operation=%b", b"operation=%b|operation=%b",
    b"operation=%b%%26operation=%b", b"operation.=%b&operation=%b", b"operation =%b&operation=%b",
    b"operation=%b&operation =%b", b"operation=%b& operation=%b", b"operation&operation=%b&operation=%b",
    b"operation&x=%b&operation=%b", b"operation=&operation=%b&operation=%b", b"=%b&operation=%b",
    b"op=%b&operation=%b", b"operation==%b&operation=%b", b"operation=%b=&operation=%b",
    b"message=%b&operation=%b", b"xoperation=%b&operation=%b", b"operationx=%b&operation=%b",
    b"operation=%b/&operation=%b", b"operation=%b\\&operation=%b", b"operation=\"%b\"&operation=%b",
    b"operation='%b'&operation=%b", b"{operation=%b}&operation=%b", b"operation=%b\x0b&operation=%b",
    b"operation=%b,%b", b"operation=%b%b", b"operation=%b+%b", b"operation=%b%%0a%b",
)


def decoy_parameters():
    for pattern in DECOYS:
        for first, second in ((USEFUL, NEXT), (NEXT, USEFUL), (USEFUL, b"GetCACert")):
            known = None
            if pattern in DECOYS[:3]:
                known = "GetNextCACert" if NEXT in (first, second) else "GetCACaps"
            yield (f"{pattern.decode('latin-1')} {second.decode()}",
                   line(b"/scep?" + pattern % (first, second)), known)
    for name, target in {
            "path": b"/operation=GetNextCACert/scep?operation=GetCACaps",
            "path parameter": b"/scep;operation=GetNextCACert?operation=GetCACaps",
            "path parameter, next": b"/scep;operation=GetCACaps?operation=GetNextCACert",
            "path only": b"/scep/operation=GetCACaps", "directory": b"/scep/?operation=GetCACaps",
            "dots": b"/x/../scep?operation=GetCACaps", "two slashes": b"//scep?operation=GetCACaps",
            "empty query": b"/scep?", "many": b"/scep?" + b"a=b&" * 300 + b"operation=GetNextCACert",
            "many empty": b"/scep?" + b"&" * 1200 + b"operation=GetNextCACert",
            "useful, many, next": op() + b"&a=b" * 400 + b"&operation=GetNextCACert"}.items():
        yield name, line(target), None
    for head in (b"Referer: http://ca/scep?operation=GetNextCACert\r\n", b"Cookie: operation=GetNextCACert\r\n",
                 b"X-Original-URL: /scep?operation=GetNextCACert\r\n",
                 b"X-Rewrite-URL: /scep?operation=GetNextCACert\r\n"):
        yield head.decode().strip(), line(op(), head=head + CLOSE), "GetCACaps"


INSERTED = [*range(0x21), 0x22, 0x23, 0x25, 0x26, 0x2b, 0x2f, 0x3b, 0x3c, 0x3d, 0x3f, 0x40, 0x5b, 0x5c, 0x5e,
            0x60, 0x7b, 0x7c, 0x7f, 0x80, 0x85, 0xa0, 0xad, 0xc0, 0xe2, 0xff]


def bytes_anywhere():
    """One byte put into a request that asks twice, where it may hide either."""
    base = b"GET /scep?operation=GetCACaps&operation=GetNextCACert HTTP/1.1\r\n" + CLOSE
    alone = line(op())
    places = {"in front": 0, "behind the method": 3, "in the path": 7, "behind '?'": 10,
              "behind the name": 19, "in the value": 23, "behind the value": 29,
              "before the second": 30, "behind the second name": 39, "behind the second": 53,
              "behind the version": 62}
    for where, at in places.items():
        for byte in INSERTED:
            data = base[:at] + bytes([byte]) + base[at:]
            yield f"0x{byte:02x} {where}", data, None
    for where, at in (("in front", 0), ("behind the method", 3), ("behind '?'", 10), ("behind the name", 19),
                      ("behind the value", 29), ("behind the version", 38)):
        for byte in INSERTED:
            yield f"0x{byte:02x} {where}, once", alone[:at] + bytes([byte]) + alone[at:], None


def case_and_space():
    for method in (b"get", b"Get", b"gET", b"post", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"FOO", b"GETX",
                   b"TRACE", b"CONNECT", b"PATCH", b"G\0T", b"PRI", b"X" * 40):
        for value in (USEFUL, NEXT):
            yield f"{method.decode()} {value.decode()}", line(op(value), method), None
    for value in (b"getcacaps", b"GETCACAPS", b"GetCaCaps", b"GetCACap", b"GetCACapsX", b"getnextcacert",
                  b"pkioperation", b"GetNextCACerts"):
        yield f"value {value.decode()}", line(op(value)), None
    for name in (b"Operation", b"OPERATION", b"operatioN", b"operations", b"peration"):
        yield f"name {name.decode()}", line(op(USEFUL, name)), None
        yield f"name {name.decode()}, next", line(op(NEXT, name) + b"&operation=GetCACaps"), None
    for gap in (b"  ", b"\t", b" \t", b"\x0b", b"\x0c", b"\xa0", b"   ", b""):
        yield f"gap {gap!r} first", b"GET" + gap + op() + b" HTTP/1.1\r\n" + CLOSE, None
        yield f"gap {gap!r} second", b"GET " + op() + gap + b"HTTP/1.1\r\n" + CLOSE, None
        yield (f"gap {gap!r} in the query", b"GET " + op() + b"&x=" + gap + b"&operation=GetNextCACert HTTP/1.1"
               b"\r\n" + CLOSE, None)
        yield f"gap {gap!r} behind", b"GET " + op() + b" HTTP/1.1" + gap + b"\r\n" + CLOSE, None
    yield "version in the middle", line(op() + b" HTTP/1.1&operation=GetNextCACert"), None
    yield "two requests in a line", line(op() + b" HTTP/1.0 GET " + op(NEXT)), None


def line_ends():
    for count in range(1, 7):
        for empty in (b"\r\n", b"\n", b"\r"):
            yield f"{count} {empty!r} in front", empty * count + line(op()), None
    for end in (b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n ", b"\r\n\t", b"\0\r\n", b"\x85", b"\r\0\n"):
        yield f"end {end!r}", b"GET " + op() + b" HTTP/1.1" + end + CLOSE, None
        yield (f"end {end!r}, next behind", b"GET " + op() + b" HTTP/1.1" + end + NEXT_REQUEST, None)
        yield (f"end {end!r} in the target", b"GET " + op() + end + b"&operation=GetNextCACert HTTP/1.1\r\n" +
               CLOSE, None)
        yield (f"end {end!r}, useful behind", b"GET " + op(NEXT) + b" HTTP/1.1" + end + line(op()), None)
    yield "only LF", b"GET " + op() + b" HTTP/1.1\n" + CLOSE.replace(b"\r", b""), "GetCACaps"


def forms():
    query = b"?operation=GetCACaps"
    for start in (b"http://ca/scep", b"HTTP://ca/scep", b"https://ca/scep", b"http://ca", b"http://ca:80/scep",
                  b"http://u:p@ca/scep", b"http://[::1]/scep", b"http:/scep", b"http:///scep", b"http://",
                  b"ftp://ca/scep", b"scep", b"*", b"ca:80", b"//ca/scep", b"/http://ca/scep", b"\\scep",
                  b"http://ca#/scep", b"http://ca?operation=GetNextCACert&/scep", b"?x", b"&", b".", b"%2fscep",
                  b"http://ca%3foperation=GetNextCACert/scep", b"/scep/http://x", b"", b"urn:scep", b"javascript:x"):
        for version in (b"HTTP/1.1", b"HTTP/1.0"):
            yield f"{start.decode()} {version.decode()}", line(start + query, version=version), None
        yield f"{start.decode()} next", line(start + b"?operation=GetNextCACert"), None


def versions():
    for version in (b"HTTP/1.0", b"HTTP/1.1", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1",
                    b"HTTP/1.10", b"HTTP/01.1", b"http/1.1", b"HTTP/1.1x", b"HTTP 1.1", b"HTTP/", b"HTTP",
                    b"SHTTP/1.1", b"HTTP/1.1&operation=GetNextCACert", b"HTTP/9.9", b"ICAP/1.0", b"RTSP/1.0",
                    b"HTTP/1.1 HTTP/1.1", b"HTTP/+1.1", b"HTTP/1.1/"):
        yield version.decode(), line(op(), version=version), None
        yield f"{version.decode()} next", line(op(NEXT), version=version), None
    for end in (b"\r\n", b"\n", b"\r\n\r\n", b" \r\n", b"\r\nHost: ca\r\n\r\n"):
        yield f"HTTP/0.9 {end!r}", b"GET " + op() + end, None
        yield f"HTTP/0.9 {end!r} next", b"GET " + op(NEXT) + end, None


def header_tricks():
    """Where does the request end? What follows is another one, of which the guard must say so."""
    hidden = NEXT_REQUEST
    size = str(len(hidden)).encode()
    for name, length in {"exact": size, "zero": b"0", "none": None, "plus": b"+" + size, "minus": b"-1",
                         "hex": b"0x%x" % len(hidden), "space behind": size + b" ", "tab": b"\t" + size,
                         "list": size + b", " + size, "short list": b"0, " + size, "text": b"x", "empty": b"",
                         "zeros": b"000" + size, "vast": b"9" * 25, "4 GiB more": b"%d" % (2**32 + len(hidden)),
                         "16 EiB more": b"%d" % (2**64 + len(hidden)), "float": size + b".0", "comment": size + b";x",
                         "one short": b"%d" % (len(hidden) - 1), "NUL": size + b"\0", "LF": size + b"\n"}.items():
        yield f"length {name}", post(length, hidden), None
        if length is not None:
            yield (f"length {name} on GET",
                   line(op(), head=b"Content-Length: " + length + b"\r\n" + KEEP) + hidden, None)
    chunks = b"%x\r\n" % len(hidden) + hidden + b"\r\n0\r\n\r\n"
    for name, extra in {
            "chunked": b"Transfer-Encoding: chunked\r\n", "chunked, case": b"TRANSFER-ENCODING: Chunked\r\n",
            "space before colon": b"Transfer-Encoding : chunked\r\n", "folded": b"Transfer-Encoding:\r\n chunked\r\n",
            "identity": b"Transfer-Encoding: identity\r\n", "x": b"Transfer-Encoding: xchunked\r\n",
            "twice": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", "LF": b"X: y\nTransfer-Encoding: chunked"
            b"\r\n", "CR": b"X: y\rTransfer-Encoding: chunked\r\n", "VT": b"Transfer-Encoding:\x0bchunked\r\n",
            "NUL": b"Transfer-Encoding\0: chunked\r\n", "underscore": b"Transfer_Encoding: chunked\r\n",
            "no colon": b"Transfer-Encoding chunked\r\n", "quoted": b"Transfer-Encoding: \"chunked\"\r\n"}.items():
        yield f"coding {name}", post(None, chunks, extra), None
        yield f"coding {name}, length 0", post(b"0", chunks, extra), None
        yield f"coding {name}, length", post(b"%d" % len(chunks), chunks, extra), None
        behind = b"0\r\n\r\n" + hidden
        yield f"coding {name}, length of more", post(b"%d" % len(behind), behind, extra), None
    for name, extra in {
            "length twice": b"Content-Length: 0\r\n", "length in a fold": b"X: y\r\n Content-Length: 0\r\n",
            "space before name": b" Content-Length: 0\r\n", "tab before colon": b"Content-Length\t: 0\r\n",
            "empty name": b": x\r\n", "no colon": b"nonsense\r\n", "underscore": b"Content_Length: 0\r\n",
            "bare CR": b"X: a\rContent-Length: 0\r\n", "bare LF": b"X: a\nContent-Length: 0\r\n",
            "NUL": b"X: a\0b\r\n", "8-bit": b"X\xff: \xff\r\n", "early end": b"\n", "CR LF LF": b"X: a\r\n\n",
            "two CR": b"X: a\r\r\n", "Expect": b"Expect: 100-continue\r\n", "Expect, odd": b"Expect: other\r\n",
            "override": b"X-HTTP-Method-Override: GET\r\n", "Upgrade": b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
            "keep-alive": b"Connection: keep-alive\r\n", "long": b"X: " + b"a" * 7000 + b"\r\n"}.items():
        yield f"head {name}", post(size, hidden, extra), None
        yield f"head {name} on GET", line(op(), head=extra + CLOSE), None
        yield f"head {name}, next behind", line(op(), head=extra + KEEP) + hidden, None
    yield "no Host", line(op(), head=b"Connection: close\r\n\r\n"), "GetCACaps"
    yield "two Hosts", line(op(), head=b"Host: other\r\n" + CLOSE), "GetCACaps"
    yield "odd Host", line(op(), head=b"Host: a/b?c\r\nConnection: close\r\n\r\n"), "GetCACaps"


def bytes_in_the_head():
    """One byte put into the head of a POST whose body is a request: is its length still believed?"""
    size = b"%d" % len(NEXT_REQUEST)
    before, after = b"X-Name: value\r\nContent-Length: ", b"\r\nHost: ca\r\nX: y\r\n\r\n"
    head = before + size + after
    for where, at in {"before": 0, "in the name before": 3, "before the colon": 6, "behind the colon": 7,
                      "in the value": 10, "behind the value": 13, "before the LF": 14, "in front": 15,
                      "in its name": 22, "before its colon": 29, "behind its colon": 30, "in its value": 32,
                      "behind its value": 33, "in the next name": 36, "in the next value": 42}.items():
        for byte in INSERTED:
            data = head[:at] + bytes([byte]) + head[at:]
            yield (f"0x{byte:02x} {where}",
                   line(b"/scep?operation=PKIOperation", b"POST", head=data) + NEXT_REQUEST, None)


def lengths():
    for size in (1000, 1459, 1460, 1461, 4000, 8000, 8190, 16000, 40000, 65000, 65536, 70000):
        pad = b"A" * size
        yield f"{size} before next", line(b"/scep?message=" + pad + b"&operation=GetNextCACert"), None
        yield f"{size} before useful", line(b"/scep?message=" + pad + b"&operation=GetCACaps"), None
        yield f"{size} of path", line(b"/" + pad + b"?operation=GetCACaps"), None
        yield f"{size} behind", line(op() + b"&x=" + pad + b"&operation=GetNextCACert"), None
        yield f"{size} of CMS", line(b"/scep?message=MII" + pad + b"&operation=GetNextCACert"), None


def second_requests():
    """Kept alive (each after the other's answer) and pipelined. Classes of all requests are asked for."""
    keep = {n: line(op(n), head=KEEP) for n in (USEFUL, NEXT, b"GetCACert")}
    body = b"x" * 100
    keep[b"POST"] = post(b"100", body)
    known = {USEFUL: "GetCACaps", NEXT: "GetNextCACert", b"GetCACert": "GetCACert", b"POST": "PKIOperation-POST"}
    for first in keep:
        for second in keep:
            yield (f"kept alive: {first.decode()}, {second.decode()}", [keep[first], keep[second]],
                   [known[first], known[second]])
            yield f"pipelined: {first.decode()}, {second.decode()}", keep[first] + keep[second], None
            yield (f"pipelined, empty line: {first.decode()}, {second.decode()}",
                   keep[first] + b"\r\n" + keep[second], None)
    yield "kept alive: three", [keep[USEFUL], keep[b"GetCACert"], keep[NEXT]], [
        "GetCACaps", "GetCACert", "GetNextCACert"]
    yield "empty line between", [keep[USEFUL] + b"\r\n", keep[NEXT]], ["GetCACaps", "GetNextCACert"]
    cut = len(keep[USEFUL])
    for at in (1, 4, 20, cut - 2):
        yield f"second cut at {at}", [keep[USEFUL] + keep[NEXT][:at], keep[NEXT][at:]], None
    yield "asked to close, next behind", [line(op()) + keep[NEXT]], None
    yield "asked to close, next later", [line(op()), keep[NEXT]], None
    yield "HTTP/1.0, next behind", line(op(), version=b"HTTP/1.0") + keep[NEXT], None


def choose(r, *weighted):
    return r.choice([w for word, count in weighted for w in [word] * count])


def mixed(count=700):
    """Drawn at random, always the same ones: several oddities in one request."""
    r = random.Random(SEED)
    values = (USEFUL, NEXT, b"GetCACert", b"PKIOperation", b"Get%4eextCACert", b"GetCACap%73", b"GetCACaps%20")
    names = (b"operation", b"operation", b"operation", b"Operation", b"%6fperation", b"operation[]", b"+operation",
             b"message", b"x", b"operation%00", b"")
    joints = (b"&", b"&", b"&", b"&", b";", b"?", b"#", b"&&", b"%26", b" ", b"\t", b"\n", b"\r", b"&amp;", b",")
    for i in range(count):
        path = choose(r, (b"/scep?", 8), (b"http://ca/scep?", 2), (b"scep?", 1), (b"/scep#?", 1), (b"/scep;", 1),
                      (b"/scep%3f", 1), (b"//?", 1), (b"/scep??", 1))
        parts = [r.choice(names) + r.choice((b"=", b"=", b"=", b"=", b"==", b"%3d", b"")) + r.choice(values)
                 for _ in range(r.randint(1, 4))]
        query = parts[0] + b"".join(r.choice(joints) + p for p in parts[1:])
        method = choose(r, (b"GET", 12), (b"POST", 3), (b"get", 1), (b"HEAD", 1), (b"PUT", 1), (b"\r\nGET", 1))
        version = choose(r, (b" HTTP/1.1", 8), (b" HTTP/1.0", 4), (b"", 1), (b" HTTP/1.1 ", 1), (b"  HTTP/1.1", 1),
                         (b"\tHTTP/1.1", 1), (b" http/1.1", 1))
        end = choose(r, (b"\r\n", 10), (b"\n", 2), (b"\r", 1), (b"\r\r\n", 1))
        head = choose(r, (CLOSE, 6), (CLOSE.replace(b"\r", b""), 1), (b"Content-Length: 0\r\n" + CLOSE, 3),
                      (b"Content-Length: %d\r\n" % len(NEXT_REQUEST) + CLOSE + NEXT_REQUEST, 2),
                      (b"Host: ca\r\n\r\n" + NEXT_REQUEST, 1))
        yield f"{i}", method + choose(r, (b" ", 14), (b"  ", 1), (b"\t", 1)) + path + query + version + end + head, None


KINDS = (real_clients, percent_encoding, decoy_parameters, bytes_anywhere, case_and_space, line_ends, forms,
         versions, header_tricks, bytes_in_the_head, lengths, second_requests, mixed)


def all_cases():
    """(kind, name, turns, class, classes or None), each name once in its kind."""
    for kind in KINDS:
        seen = set()
        for name, data, known in kind():
            if name in seen:
                name = f"{name} ({len(seen)})"
            seen.add(name)
            yield kind.__name__, name, data if isinstance(data, list) else [data], known
