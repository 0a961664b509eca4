// Runs the functions as they are deployed, each in AWS's emulator of the runtime interface, which
// comes with SAM.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { fromGatewayAnswer, gatewayEvent, shareFiles } from './lambda.mjs';
import { post } from './requests.mjs';
import { startSecretsManager } from './secrets.mjs';
import { HUNG_MS, exchange, freePorts, listening, repository, run, scratch, serve, start, tools } from './support.mjs';

const TIMEOUT_SECONDS = '10'; // as in template.yaml
const ARCHITECTURES = { x64: 'x86_64', arm64: 'arm64' };

/** The functions that `make artefacts` built for this machine. */
const artefacts = process.env.LATCHKEY_ARTEFACTS ?? join(repository, 'target', 'artefacts');

export function bootstrap(name) {
  const file = join(artefacts, name, 'bootstrap');
  if (!existsSync(file)) throw new Error(`${file} is not there: make artefacts builds it`);
  return file;
}

function emulator() {
  const libraries = join(tools, 'lib');
  const [python] = readdirSync(libraries).filter((name) => name.startsWith('python'));
  const name = `aws-lambda-rie-${ARCHITECTURES[process.arch]}`;
  return join(libraries, python, 'site-packages', 'samcli', 'local', 'rapid', name);
}

/** A table and secrets for the functions, from a `latchkey serve`, which is returned too. */
export async function startCloud() {
  const [dynamodb] = await freePorts(1);
  const local = await serve(['--dynamodb-port', dynamodb]);
  const secrets = await startSecretsManager();
  const variables = {
    TABLE_NAME: 'latchkey',
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${dynamodb}`,
    ...secrets.env,
    ...await shareFiles(local, secrets),
  };
  return { local, secrets, variables };
}

/**
 * Starts one function, which runs from its first event on. `invoke` returns the raw result, as a
 * service of AWS gets it. The others accept a request and return the answer of API Gateway, for our
 * own event or for one that SAM generates.
 */
export async function startFunction(name, variables) {
  const [port, api] = await freePorts(2);
  const addresses = [
    '--runtime-interface-emulator-address', `127.0.0.1:${port}`, '--runtime-api-address', `127.0.0.1:${api}`,
  ];
  const home = scratch('function');
  const env = {
    PATH: process.env.PATH,
    AWS_LAMBDA_FUNCTION_NAME: `latchkey-${name}`,
    AWS_LAMBDA_FUNCTION_TIMEOUT: TIMEOUT_SECONDS,
    AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH: 'true',
    ...variables,
  };
  const child = start(name, emulator(), [...addresses, bootstrap(name)], { cwd: home, env });
  await listening(port, HUNG_MS, child);

  const url = `http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`;
  const invoke = async (event) =>
    (await exchange(url, post('', event), { tail: child.tail })).body;
  const answered = async (event) => {
    const body = await invoke(event);
    if (body.statusCode === undefined) throw new Error(`${name} failed: ${JSON.stringify(body)}; ${child.tail()}`);
    return fromGatewayAnswer(body);
  };
  return {
    child,
    invoke,
    event: (request) => answered(gatewayEvent(request, false)),
    base64: (request) => answered(gatewayEvent(request, true)),
    generated: async (request) => answered(await generatedEvent(request)),
  };
}

/**
 * SAM's event of an HTTP API, with the request's method, path, headers and body in place of SAM's
 * examples.
 */
async function generatedEvent({ method = 'GET', path, headers = {}, body = '' }) {
  const args = ['local', 'generate-event', 'apigateway', 'http-api-proxy', '--method', method, '--path', path.slice(1)];
  const home = scratch('sam');
  const env = { PATH: process.env.PATH, HOME: home, SAM_CLI_TELEMETRY: '0', AWS_DEFAULT_REGION: 'us-east-1' };
  const printed = await run('sam', join(tools, 'bin', 'sam'), [...args, '--body', body], HUNG_MS, { cwd: home, env });
  const event = JSON.parse(printed);
  return { ...event, headers: { ...event.headers, ...headers } };
}
