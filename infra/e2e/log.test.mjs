// Compares the log lines and metrics of deployed functions with golden files: for a login, a
// refused login and a rotation. GOLDEN=update writes the files again.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startCloud, startFunction } from './emulator.mjs';
import { post } from './requests.mjs';
import { rotations, STEPS } from './rotation/stages.mjs';
import { HUNG_MS, repository, stopAll, succeed } from './support.mjs';

const EMAIL = 'james@yopmail.com';
const PASSWORD = 'violet tractor 47 umbrella';
const METRICS_MAX = 100; // in one line, by the specification of the embedded metric format

/** The values that differ from run to run: their pattern, and the text that replaces them. */
const VARYING = {
  timestamp: [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, '<time>'],
  function_request_id: [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '<uuid>'],
  version: [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '<uuid>'],
  user: [/^[\w-]{22}$/, '<pseudonym>'],
  duration_ms: [/^\d+$/, 0],
  change: [/^[A-Za-z].*\.?$/, '<what will be different>'],
  Timestamp: [/^1\d{12}$/, 0],
  hash_ms: [/^\[\d+(\.\d+)?\]$/, ['<ms>']],
  store_ms: [/^\[\d+(\.\d+)?,\d+(\.\d+)?\]$/, ['<ms>', '<ms>']],
  signing_ms: [/^\[\d+(\.\d+)?\]$/, ['<ms>']],
  signing_key_age_seconds: [/^\[\d+(\.\d+)?\]$/, ['<seconds>']],
};

let cloud, variables;

before(async () => {
  cloud = await startCloud();
  variables = { ...cloud.variables, METRICS_NAMESPACE: 'latchkey-dev' };
  await succeed(cloud.local, post('/create-account', { email: EMAIL, password: PASSWORD }));
});

after(stopAll);

test('a login, and one that is refused', async () => {
  const login = await startFunction('login', variables);
  const ask = (password) => login.event(post('/login', { email: EMAIL, password }, { 'x-request-id': 'golden' }));
  const admitted = await written(login.child, 3, () => ask(PASSWORD), 200);
  compare('login', admitted);
  const refused = await written(login.child, 3, () => ask('wrong'), 401);
  compare('refused-login', refused);
  // The pseudonym that `latchkey users show` prints.
  const identity = createHash('sha256').update(EMAIL).digest().subarray(0, 16).toString('base64url');
  for (const lines of [admitted, refused]) assert.equal(lines.find(({ event }) => event).identity, identity);
});

test('a rotation', async () => {
  const id = 'latchkey/golden';
  await cloud.secrets.create(id, '{"keys":[]}');
  const rotate = await startFunction('rotate-keys', variables);
  const invoke = async (event) => ({ status: 200, body: await rotate.invoke(event) });
  const secret = rotations(cloud.secrets, id, invoke);
  const token = await secret.begin();
  const lines = [];
  for (const [index, each] of STEPS.entries()) {
    const step = async () => assert.equal((await secret.step(each, token)).cause, '');
    lines.push(...await written(rotate.child, [2, 0, 0, 2][index], step));
  }
  compare('rotation', lines);
});

/**
 * The `count` lines of one invocation. The metrics come last, because they use another pipe than
 * the log.
 */
async function written(child, count, invoke, status) {
  const known = child.lines.length;
  const answer = await invoke();
  if (status) assert.equal(answer.status, status, JSON.stringify(answer.body));
  const fresh = () => child.lines.slice(known);
  const objects = () => fresh().filter((line) => line.startsWith('{'));
  const isWhole = () => fresh().some((line) => line.startsWith('REPORT')) && objects().length >= count;
  await child.line(isWhole, HUNG_MS);
  const lines = objects().map((line) => JSON.parse(line));
  return [...lines.filter(({ _aws }) => !_aws), ...lines.filter(({ _aws }) => _aws)];
}

function compare(name, lines) {
  lines.filter(({ _aws }) => _aws).forEach(assertEmbedded);
  const text = lines.map((line) => `${JSON.stringify(masked(line))}\n`).join('');
  const file = join(repository, 'infra', 'e2e', 'golden', `${name}.jsonl`);
  if (process.env.GOLDEN === 'update') writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}

/** The value with masked parts, and with its names sorted, because their order does not count. */
function masked(value, name) {
  const [pattern, instead] = VARYING[name] ?? [];
  if (pattern && value !== '') {
    assert.match(typeof value === 'string' ? value : JSON.stringify(value), pattern, name);
    return instead;
  }
  if (Array.isArray(value)) return value.map((each) => masked(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, masked(value[key], key)]));
}

/**
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
function assertEmbedded(line) {
  for (const { Namespace, Dimensions, Metrics } of line._aws.CloudWatchMetrics) {
    assert.equal(Namespace, 'latchkey-dev');
    assert.ok(Metrics.length > 0 && Metrics.length <= METRICS_MAX);
    for (const dimension of Dimensions.flat()) assert.equal(typeof line[dimension], 'string', dimension);
    for (const { Name } of Metrics) assert.ok([line[Name]].flat().every(Number.isFinite), Name);
  }
}
