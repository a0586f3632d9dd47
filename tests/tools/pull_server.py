#!/usr/bin/env python3
"""An HTTPS server on the loopback interface that serves one file in many ways, most of them bad: the first part of a path says
which. pull_server.py FILE CERTIFICATE KEY: prints its port, notes "PATH RANGE" of each request in requests.txt, and ends with
its standard input."""
import gzip
import http.server
import os
import ssl
import sys
import threading
import time

DATA = open(sys.argv[1], 'rb').read()
HALF = len(DATA) // 2


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self, code, body, **headers):
        self.send_response(code)
        headers.setdefault('Content_Length', str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def part(self, begin, claimed=None):
        """From `begin` on, which is called `claimed`."""
        claimed = begin if claimed is None else claimed
        return 206, DATA[begin:], {'Content_Range': 'bytes %d-%d/%d' % (claimed, len(DATA) - 1, len(DATA))}

    def do_GET(self):
        kind, asked = self.path.split('/')[1], self.headers.get('Range')
        with open('requests.txt', 'a') as log:
            log.write('%s %s\n' % (self.path, asked))
        begin = int(asked[len('bytes='):-1]) if asked else 0
        code, body, headers = self.part(begin) if asked else (200, DATA, {})
        name = self.path.split('/')[-1]
        port = self.server.server_address[1]
        if kind == 'ok':
            if begin >= len(DATA):
                return self.answer(416, b'')
        elif kind == 'truncate' and not asked:
            headers, body = {'Content_Length': str(len(DATA))}, DATA[:HALF]
        elif kind == 'stall':
            headers, body = {'Content_Length': str(len(DATA))}, DATA[:1000]
        elif kind == 'short':
            body = DATA[:HALF]
        elif kind == 'html':
            code, body, headers = 200, b'<!DOCTYPE html><html>Log in to this network first</html>', {'Content_Type': 'text/html'}
        elif kind == 'empty':
            code, body, headers = 200, b'', {}
        elif kind == 'none':
            self.send_response(204)
            self.end_headers()
            return
        elif kind == 'gzip':
            code, body, headers = 200, gzip.compress(DATA), {'Content_Encoding': 'gzip'}
        elif kind == 'packed': # the same, without a word
            code, body, headers = 200, gzip.compress(DATA), {}
        elif kind == 'hop':
            return self.answer(302, b'', Location='https://127.0.0.1:%d/ok/%s' % (port, name))
        elif kind == 'downgrade':
            return self.answer(302, b'', Location='http://localhost:%d/ok/%s' % (port, name))
        elif kind == 'local':
            return self.answer(302, b'', Location='file:///etc/passwd')
        elif kind == 'dumb': # no word of HTTP
            self.wfile.write(b'220 mail.example ready\r\n')
            self.close_connection = True
            return
        elif kind == 'mute':
            self.close_connection = True
            return
        elif kind == 'loop':
            return self.answer(302, b'', Location=self.path)
        elif kind == 'whole':
            code, body, headers = 200, DATA, {}
        elif kind == 'shifted' and asked:
            code, body, headers = self.part(begin, 7)
        elif kind == 'wrong':
            code, body, headers = 200, bytes(len(DATA)), {}
        elif kind == 'huge':
            headers = {'Content_Length': str(10**12)}
        elif kind == 'headers':
            self.wfile.write(b'HTTP/1.1 200 OK\r\n')
            while True:
                self.wfile.write(b'X-More: and more\r\n' * 1000)
        elif kind == 'header':
            self.wfile.write(b'HTTP/1.1 200 OK\r\nX-Long: ')
            while True:
                self.wfile.write(b'x' * 100000)
        elif kind == 'endless':
            self.send_response(200)
            self.send_header('Connection', 'close')
            self.end_headers()
            while True:
                self.wfile.write(bytes(1 << 20))
        elif kind != 'truncate' and kind != 'shifted':
            return self.answer(404, b'nothing here')
        self.answer(code, body, **headers)
        if kind == 'stall':
            self.wfile.flush()
            time.sleep(30)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # clients that break off are what is tested


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = Server(('127.0.0.1', 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
