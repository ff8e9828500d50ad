// A webhook receiver of the kinds people really write: `node receiver.mjs MODE SECRET`.
//
// Prints {"port":N} once it listens on 127.0.0.1, then one JSON line per request, and answers 200
// when the signature holds, else 401. Ends when its standard input closes.
//
// Modes, by how the signature is checked:
//   standardwebhooks  the official package, over the body's exact bytes
//   raw               HMAC of the exact bytes, which express.json hands over through `verify`
//   stringify         HMAC of the body parsed and written out again
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';
import { Webhook } from 'standardwebhooks';

const BODY_MAX = '1mb';

function hmacHeader(secret, body) {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

function sameText(a, b) {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

// Each mode: how express reads the body, and a check that throws with the reason it fails and
// returns the parsed body.
const modes = {
  standardwebhooks(secret) {
    const webhook = new Webhook(`whsec_${Buffer.from(secret).toString('base64')}`);
    return {
      parser: express.raw({ type: () => true, limit: BODY_MAX }),
      check: (request) => webhook.verify(request.body, request.headers),
    };
  },

  raw(secret) {
    const keepBytes = (request, _response, bytes) => {
      request.rawBody = bytes;
    };
    return {
      parser: express.json({ verify: keepBytes, limit: BODY_MAX }),
      check(request) {
        const given = request.headers['x-webhook-signature'];
        if (!given?.startsWith('sha256=')) throw new Error('no sha256 signature');
        if (!request.rawBody) throw new Error('express.json did not take the body');
        if (!sameText(given, hmacHeader(secret, request.rawBody))) throw new Error('signature differs');
        return request.body;
      },
    };
  },

  stringify(secret) {
    return {
      parser: express.json({ limit: BODY_MAX }),
      check(request) {
        if (request.body === undefined) throw new Error('express.json did not take the body');
        const given = request.headers['x-webhook-signature'];
        if (given !== hmacHeader(secret, JSON.stringify(request.body))) throw new Error('signature differs');
        return request.body;
      },
    };
  },
};

function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function record(request, outcome) {
  report({
    ...outcome,
    id: request.headers['webhook-id'] ?? null,
    signature_header: request.headers['x-webhook-signature'] ?? null,
  });
}

const [mode, secret] = process.argv.slice(2);
if (!Object.hasOwn(modes, mode) || !secret) {
  process.stderr.write(`usage: node receiver.mjs ${Object.keys(modes).join('|')} SECRET\n`);
  process.exit(64);
}

const { parser, check } = modes[mode](secret);
const app = express();
app.use(parser);
app.use((request, response) => {
  try {
    const body = check(request);
    record(request, { ok: true, why: null, event: body.event, title: body.data?.game?.title ?? null });
    response.status(200).send('OK');
  } catch (error) {
    record(request, { ok: false, why: error.message, event: null, title: null });
    response.status(401).send('Invalid signature');
  }
});
// What the body parser refuses arrives here.
app.use((error, request, response, _next) => {
  record(request, { ok: false, why: error.message, event: null, title: null });
  response.status(401).send('Unreadable body');
});

const server = app.listen(0, '127.0.0.1', () => report({ port: server.address().port }));
process.stdin.resume().on('end', () => process.exit(0));
