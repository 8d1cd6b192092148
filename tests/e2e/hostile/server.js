// SPDX-License-Identifier: Apache-2.0
// Runs what it is asked for: /attempts?file=..., /greedy?bomb&2000. Answers with output and end, in JSON.
'use strict';
const { spawnSync } = require('child_process');
const http = require('http');

http.createServer((request, response) => {
  const [program, query] = request.url.split('?');
  const args = query ? query.split('&').map(decodeURIComponent) : [];
  const { stdout, status, signal } = spawnSync('/app' + program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  response.end(JSON.stringify({ stdout, status, signal }));
}).listen(process.env.PORT, process.env.HOST);
