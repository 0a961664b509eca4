// Makes keys and X.509 certificates as Google publishes them for ID tokens, and serves them.

import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

const DAY_MS = 86_400_000;
const OID = {
  commonName: '550403', // 2.5.4.3
  basicConstraints: '551d13', // 2.5.29.19
  sha256WithRsa: '2a864886f70d01010b', // 1.2.840.113549.1.1.11
};

/** A key pair with its key id. */
export function rsaKey(kid, modulusLength = 2048) {
  return { kid, ...generateKeyPairSync('rsa', { modulusLength }) };
}

export function ecKey(kid) {
  return { kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

/**
 * A certificate of `publicKey` in PEM, version 3 (RFC 5280 section 4.1), written by hand so that no
 * package is needed. Readers trust the certificate because of its origin, so its signature does not
 * matter. It is right all the same.
 */
export function certificate({ kid, publicKey }, issuer) {
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = sequence(oid(OID.sha256WithRsa), der(0x05));
  const name = sequence(set(sequence(oid(OID.commonName), der(0x0c, 'securetoken.system.gserviceaccount.com'))));
  const validity = sequence(time(Date.now() - DAY_MS), time(Date.now() + 16 * DAY_MS));
  // Critical and empty: the certificate is no authority.
  const constraints = sequence(oid(OID.basicConstraints), der(0x01, [0xff]), der(0x04, sequence()));
  const content = sequence(
    der(0xa0, integer([2])), // version 3
    integer(serial(kid)),
    algorithm,
    name,
    validity,
    name,
    key,
    der(0xa3, sequence(constraints)),
  );
  const signature = sign('sha256', content, issuer.privateKey);
  return pem(sequence(content, algorithm, der(0x03, [0], signature)));
}

/**
 * Tag, length and value (X.690 section 8.1), with the shortest form of the length, as DER requires.
 */
function der(tag, ...values) {
  const value = Buffer.concat(values.map((each) => Buffer.from(each)));
  const size = Buffer.from(value.length.toString(16).padStart(value.length < 0x100 ? 2 : 4, '0'), 'hex');
  const length = value.length < 0x80 ? size : Buffer.from([0x80 + size.length, ...size]);
  return Buffer.concat([Buffer.from([tag]), length, value]);
}

function sequence(...values) {
  return der(0x30, ...values);
}

function set(...values) {
  return der(0x31, ...values);
}

function integer(bytes) {
  return der(0x02, bytes);
}

function oid(hex) {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function time(ms) {
  // YYMMDDHHMMSSZ, for years until 2049.
  return der(0x17, `${new Date(ms).toISOString().slice(2, 19).replace(/\D/g, '')}Z`);
}

/** A serial number: positive, and always the same for one key. */
function serial(kid) {
  return [1, ...createHash('sha256').update(kid).digest().subarray(0, 8)];
}

function pem(bytes) {
  const lines = bytes.toString('base64').match(/.{1,64}/g);
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Publishes `document` at `url`, and records every request in `requests`. */
export async function publish(document, path) {
  const requests = [];
  const server = http.createServer((request, response) => {
    requests.push({ time: Date.now(), path: request.url, agent: request.headers['user-agent'] ?? '' });
    const found = request.url === path;
    response.writeHead(found ? 200 : 404, {
      'content-type': 'application/json; charset=UTF-8',
      // Google's own answers have a max-age too. Without it firebase-admin fetches the keys for
      // every token.
      'cache-control': 'public, max-age=21600, must-revalidate, no-transform',
    });
    response.end(JSON.stringify(found ? document : { error: 'there is nothing here' }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => { server.close(); server.closeAllConnections(); };
  return { origin, url: origin + path, requests, close };
}

/** A service account of `project`, in the format of Google's file. */
export function makeServiceAccount(project) {
  return {
    type: 'service_account',
    project_id: project,
    private_key_id: 'a key',
    private_key: rsaKey('').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: `firebase-adminsdk-e2e@${project}.iam.gserviceaccount.com`,
    client_id: '100000000000000000000',
    token_uri: 'https://oauth2.googleapis.com/token',
  };
}
