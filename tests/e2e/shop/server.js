// SPDX-License-Identifier: Apache-2.0
'use strict';

const dgram = require('dgram');
const express = require('express');
const os = require('os');

const port = Number(process.env.PORT || 8080);
const name = process.env.REPLICA || os.hostname();
const app = express();

app.disable('x-powered-by');
app.get('/', (req, res) => res.type('text/plain').send(`${name}\n`));
// some work to be billed for: ?ms=50 keeps a CPU busy for 50 ms
app.get('/work', (req, res) => {
  const end = process.cpuUsage().user + Math.min(Number(req.query.ms) || 0, 1000) * 1000;
  while (process.cpuUsage().user < end);
  res.type('text/plain').send(`${name}\n`);
});
app.listen(port, '::');

const udp = dgram.createSocket({ type: 'udp6', ipv6Only: false });
udp.on('message', (message, peer) => udp.send(name, peer.port, peer.address));
udp.bind(port);

process.on('SIGTERM', () => process.exit(0));
