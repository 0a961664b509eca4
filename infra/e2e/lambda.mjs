// The functions on cargo-lambda's emulation of the Lambda runtime, beside a `latchkey serve` that shares their table,
// keys and issuer; and the four ways to ask them something.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { post } from './requests.mjs';
import { startSecretsManager } from './secrets.mjs';
import {
  exchange, freePorts, listening, readJson, repository, run, scratch, serve, serviceAccount, start, tools,
} from './support.mjs';

const BUILD_MS = 30 * 60_000; // the AWS SDK from nothing, on a small shared machine
const START_MS = 5 * 60_000;
const ANSWER_MS = 60_000; // a debug build hashes passwords slowly
const cargoLambda = join(tools, 'bin', 'cargo-lambda');

/**
 * `variables` are those of both. Where they name no secret with signing keys, the functions get as secrets what
 * `latchkey serve` made as files.
 */
export async function startWorld(functions, { variables = {}, secrets } = {}) {
  await run('cargo build', 'cargo', ['build', '--bins'], BUILD_MS, { cwd: repository, env: toolEnvironment() });

  const [dynamodb, invoke] = await freePorts(2);
  const local = await serve(['--dynamodb-port', dynamodb], { env: variables });
  const found = secrets ?? await startSecretsManager();
  const watch = await startLambda(invoke, {
    TABLE_NAME: 'latchkey',
    ISSUER: local.origin,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${dynamodb}`,
    ...found.env,
    ...variables.SIGNING_KEYS_SECRET_ID ? {} : await shareFiles(local, found),
    ...variables,
  });
  const ways = waysToAsk(local, watch, invoke);
  // A first request starts the function's process. One that does not start would leave its requests without an
  // answer.
  const started = Promise.all(functions.map((name) => ways.url(name, { path: '/', ms: START_MS })));
  const failed = watch.line((line) => /command (exited|killed|stopped|ended)/.test(line), 2 * START_MS)
    .then(() => { throw new Error(`a function did not start; ${watch.tail()}`); });
  await Promise.race([started, failed]);
  return ways;
}

/** What configures the functions as the files of `latchkey serve` configure that. */
export async function shareFiles(local, secrets) {
  const share = async (id, file) => {
    await secrets.create(id, readFileSync(join(local.data, file), 'utf8'));
    return id;
  };
  return {
    SIGNING_KEYS_SECRET_ID: await share('latchkey/signing-keys', 'signing-keys.json'),
    FIREBASE_SERVICE_ACCOUNT_SECRET_ID: await share('latchkey/firebase', 'firebase-service-account.json'),
    FIREBASE_PROJECT_ID: serviceAccount(local).project_id,
  };
}

/**
 * The caller's environment for cargo and its compilers, without what would configure the AWS SDK or the functions.
 */
function toolEnvironment() {
  const foreign = [
    /^(npm_|NODE|AWS_(?!LC_)|FIREBASE_|GOOGLE_)/,
    /^(JWT_|API_KEY|TOKEN_PROFILE|CORS_|REQUIRE_|CLOCK_SKEW_|PASSWORD_|ARGON2_|RATE_LIMITS|LOG_LEVEL|AUDIENCE)/,
    /^(PORT|DATA_DIR)$/,
    /(_SECRET_ID|_(TTL|IDLE|INTERVAL|AGE|OVERLAP)_SECONDS)$/,
  ];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.some((each) => each.test(name))));
}

async function startLambda(port, variables) {
  // cargo-lambda would answer preflights itself, and add its own CORS headers to ours.
  const args = ['lambda', 'watch', '--ignore-changes', '--disable-cors', ...at(port)];
  const env = { ...toolEnvironment(), ...variables };
  const watch = start('cargo lambda watch', cargoLambda, args, { cwd: repository, env });
  await listening(port, 60_000, watch);
  return watch;
}

function at(port) {
  return ['--invoke-address', '127.0.0.1', '--invoke-port', port];
}

/**
 * Each takes the name of a function and a request, and gives an answer in the form of `exchange`; `invoke` takes an
 * event, as other services of AWS call a function.
 */
function waysToAsk(local, watch, port) {
  const base = `http://127.0.0.1:${port}`;
  const events = scratch('events');
  const byUrl = (url, { path, ms = ANSWER_MS, agent, ...request }, { tail }) =>
    exchange(url + path, request, { ms, agent, tail });
  const byEvent = async (name, request, base64) => {
    const file = join(events, `${crypto.randomUUID()}.json`);
    writeFileSync(file, JSON.stringify(gatewayEvent(request, base64)));
    const args = ['lambda', 'invoke', name, '--data-file', file, ...at(port)];
    const options = { cwd: events, env: { PATH: process.env.PATH, HOME: events } };
    const printed = await run('cargo lambda invoke', cargoLambda, args, ANSWER_MS, options);
    return fromGatewayAnswer(JSON.parse(printed));
  };
  return {
    serve: (_, request) => byUrl(local.origin, request, local),
    event: (name, request) => byEvent(name, request, false),
    base64: (name, request) => byEvent(name, request, true),
    url: (name, request) => byUrl(`${base}/lambda-url/${name}`, request, watch),
    invoke: (name, event) => byUrl(base, post(`/2015-03-31/functions/${name}/invocations`, event), watch),
  };
}

/** An event of an HTTP API with payload format 2.0, with every member that API Gateway sends. */
export function gatewayEvent({ method = 'GET', path, headers = {}, body }, base64) {
  const [rawPath, rawQueryString = ''] = path.split('?');
  const domainName = 'a1b2c3d4e5.execute-api.us-east-1.amazonaws.com';
  const routeKey = `${method} ${rawPath}`;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString,
    headers: {
      accept: '*/*',
      host: domainName,
      'user-agent': 'e2e/1.0',
      'x-amzn-trace-id': 'Root=1-6566d0c0-0123456789abcdef01234567',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      ...length,
      ...headers,
    },
    ...(rawQueryString && { queryStringParameters: Object.fromEntries(new URLSearchParams(rawQueryString)) }),
    requestContext: {
      accountId: '123456789012',
      apiId: domainName.split('.', 1)[0],
      domainName,
      domainPrefix: domainName.split('.', 1)[0],
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'e2e/1.0' },
      requestId: crypto.randomUUID(),
      routeKey,
      stage: '$default',
      time: '29/Nov/2026:05:48:00 +0000',
      timeEpoch: 1795931280000,
    },
    ...(body !== undefined && { body: base64 ? Buffer.from(body).toString('base64') : body }),
    isBase64Encoded: base64,
  };
}

export function fromGatewayAnswer({ statusCode, headers, multiValueHeaders = {}, body, isBase64Encoded }) {
  const single = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const text = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8').toString();
  return readJson({ status: statusCode, headers: { ...single, ...multiValueHeaders }, text });
}
