// Secrets Manager, imitated by moto.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { exchange, freePorts, json, listening, scratch, start, tools } from './support.mjs';

const START_MS = 60_000;
const REGION = 'us-east-1';
const newToken = () => crypto.randomUUID();

/**
 * Starts a Secrets Manager without secrets. `env` has the variables by which the AWS SDK finds it.
 */
export async function startSecretsManager() {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const folder = scratch('secrets');
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } };
  const moto = start('moto_server', join(tools, 'bin', 'moto_server'), ['-H', '127.0.0.1', '-p', port], options);
  await listening(port, START_MS, moto);

  const tell = async (action, parameters) => {
    const { status, body } = await exchange(`${url}/`, json('POST', parameters, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `secretsmanager.${action}`,
      // moto reads the region and the service here, and verifies nothing.
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/secretsmanager/aws4_request`,
    }), { tail: moto.tail });
    assert.equal(status, 200, `${action} of ${parameters.SecretId ?? parameters.Name}: ${JSON.stringify(body)}`);
  };
  return {
    env: {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    /** Creates a secret with a value. */
    create: (Name, SecretString) => tell('CreateSecret', { Name, SecretString, ClientRequestToken: newToken() }),
    /** Puts a new version in force at once. */
    put: (SecretId, SecretString) => tell('PutSecretValue', { SecretId, SecretString, ClientRequestToken: newToken() }),
  };
}
