// Says what Node's two readers of a query make of it: <<METHOD|operation by querystring|by URL, first|last>>.
'use strict';
const http = require('http');
const querystring = require('querystring');

const all = (values) => values.map((v) => '=' + encodeURIComponent(v)).join('|');

function operations(url) {
	const at = url.indexOf('?');
	const old = at < 0 ? [] : [querystring.parse(url.slice(at + 1)).operation ?? []].flat();
	const found = [old.slice(0, 1)];
	try {
		const modern = new URL(url, 'http://reader').searchParams.getAll('operation');
		found.push(modern.slice(0, 1), modern.slice(-1));
	} catch {
		// No URL: a reader that wants one refuses the request.
	}
	return found.map((v) => all(v) || '=').join('|');
}

function answer(request, response) {
	request.resume();
	request.on('end', () => response.end(`<<${request.method}|${operations(request.url)}>>`));
}

for (const [port, lenient] of [[8006, false], [8007, true]]) {
	const server = http.createServer({insecureHTTPParser: lenient, maxHeaderSize: 65536}, answer);
	server.headersTimeout = server.requestTimeout = server.keepAliveTimeout = 2000;
	server.listen(port, '127.0.0.1');
}
