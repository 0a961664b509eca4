// AWS KMS, imitated by moto. moto makes real RSA signatures of the message, and hashes it itself.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { exchange, freePorts, json, listening, scratch, start, tools } from './support.mjs';

const START_MS = 60_000;
const REGION = 'us-east-1';

/** Starts a KMS without keys. `env` has the variables by which Latchkey finds it. */
export async function startKms() {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const folder = scratch('kms');
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } };
  const moto = start('moto_server', join(tools, 'bin', 'moto_server'), ['-H', '127.0.0.1', '-p', port], options);
  await listening(port, START_MS, moto);

  const tell = async (action, parameters) => {
    const { status, body } = await exchange(`${url}/`, json('POST', parameters, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${action}`,
      // moto reads the region and the service here, and verifies nothing.
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/kms/aws4_request`,
    }), { tail: moto.tail });
    assert.equal(status, 200, `${action}: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    env: {
      AWS_ENDPOINT_URL_KMS: url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'a-secret-key-of-aws',
    },
    /** Makes a key that signs, and returns its ARN. */
    key: async () => (await tell('CreateKey', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).KeyMetadata.Arn,
  };
}
