// The basis of all test files: child processes, ports, plain HTTP and the shape of a session.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

const TAIL_LINES = 40;
const STOP_MS = 5_000;
/**
 * The longest that a test waits for the machine before it says that something hangs. It measures no
 * promise of the service: the Rust tests do that on a paused clock.
 */
export const HUNG_MS = 60_000;

const here = fileURLToPath(new URL('.', import.meta.url));
const repository = join(here, '..', '..');
const latchkey = absolute(process.env.LATCHKEY_BIN ?? join(repository, 'target', 'debug', 'latchkey'));
// The folder with bin/moto_server and bin/python.
export const tools = absolute(process.env.LATCHKEY_TOOLS ?? join(repository, '.tools', 'venv'));

const running = new Set();
const scratches = new Set();

// --- Ports, folders, waiting

/** Free ports. All are bound before any is released, so that no two of them are the same. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = net.createServer().once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Waits until something accepts connections on the port. */
export async function listening(port, ms, child) {
  const deadline = Date.now() + ms;
  while (!await connects(port)) {
    assert.equal(child.code, undefined, `it ended; ${child.tail()}`);
    assert.ok(Date.now() < deadline, `nothing listens on ${port} after ${ms / 1000} s; ${child.tail()}`);
    await sleep(50);
  }
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false)).once('connect', () => { socket.destroy(); resolve(true); });
  });
}

export function scratch(name) {
  const folder = mkdtempSync(join(tmpdir(), `latchkey-${name}-`));
  scratches.add(folder);
  return folder;
}

function removeScratches() {
  scratches.forEach((folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  scratches.clear();
}

/** Waits until the clock shows another second. A timer may be a moment early. */
export function nextSecond() {
  return sleep(1005 - (Date.now() % 1000));
}

/** The promise. After this number of milliseconds it fails with an explanation. */
export async function within(ms, promise, explain) {
  const timer = new AbortController();
  const late = sleep(ms, null, { signal: timer.signal, ref: false }).then(
    () => { throw new Error(`after ${ms / 1000} s: ${explain()}`); },
    () => {},
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

// --- Child processes

/** Starts a command in its own process group, so that stopping it also stops its children. */
export function start(name, command, args, options = {}) {
  const process_ = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  const child = { name, pid: process_.pid, stdin: process_.stdin, lines: [], output: [], code: undefined };
  const waiting = new Set();
  const wake = () => waiting.forEach((check) => check());

  readLines(process_.stdout, (line) => { child.lines.push(line); remember(child, line); wake(); });
  readLines(process_.stderr, (line) => remember(child, line));
  child.exited = new Promise((resolve) => {
    const end = (code) => { child.code = code; running.delete(child); resolve(code); wake(); };
    process_.once('error', (error) => { remember(child, String(error)); end(error.code); });
    process_.once('close', (code, signal) => end(code ?? signal));
  });
  child.tail = () => `${name} said:\n${child.output.join('\n')}`;
  child.line = (wanted, ms) => within(ms, new Promise((resolve, reject) => {
    const check = () => {
      const line = child.lines.find(wanted);
      if (line === undefined && child.code === undefined) return;
      waiting.delete(check);
      if (line !== undefined) resolve(line);
      else reject(new Error(`${name} ended with ${child.code}; ${child.tail()}`));
    };
    waiting.add(check);
    check();
  }), () => `no such line yet; ${child.tail()}`);

  running.add(child);
  return child;
}

function readLines(stream, each) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    lines.forEach(each);
  }).on('end', () => { if (rest) each(rest); });
}

function remember(child, line) {
  child.output.push(line);
  if (child.output.length > TAIL_LINES) child.output.shift();
}

/** Runs a command to its end. A failure quotes the end of its output. */
async function run(name, command, args, ms, options) {
  const child = start(name, command, args, options);
  const code = await within(ms, child.exited, () => `still running; ${child.tail()}`);
  assert.equal(code, 0, child.tail());
  return child.lines.join('\n');
}

/** Stops everything, in reverse order of starting, and removes every scratch folder. */
export async function stopAll() {
  for (const child of [...running].reverse()) await stop(child);
  removeScratches();
}

async function stop(child) {
  // A grandchild may have its own process group, as the functions of cargo-lambda have. It is found
  // only while its parent lives.
  const family = [...descendants(child.pid), -child.pid];
  signal(-child.pid, 'SIGINT');
  await Promise.race([child.exited, sleep(STOP_MS, null, { ref: false })]);
  family.forEach((pid) => signal(pid, 'SIGKILL'));
  await child.exited;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function descendants(root) {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const found = [root];
  for (const parent of found) found.push(...pairs.filter(([, of]) => of === parent).map(([pid]) => pid));
  return found.slice(1);
}

// The last resort for a test that dies without its hooks, so that no process outlives the run.
process.once('exit', () => {
  for (const { pid } of running) [...descendants(pid), -pid].forEach((each) => signal(each, 'SIGKILL'));
  removeScratches();
});
for (const [name, number] of [['SIGHUP', 1], ['SIGINT', 2], ['SIGTERM', 15]]) {
  process.once(name, () => process.exit(128 + number));
}

// --- The server under test

/**
 * Starts `latchkey serve` with this environment and the caller's PATH only, and waits until it
 * listens.
 */
export async function serve(args = [], { env = {} } = {}) {
  const [port] = await freePorts(1);
  const data = scratch('data');
  const command = ['serve', '--port', port, '--data-dir', data, ...args];
  const server = start('latchkey serve', latchkey, command, { cwd: data, env: environment(data, env) });
  const origin = `http://127.0.0.1:${port}`;
  const first = await server.line(() => true, HUNG_MS);
  assert.ok(first.includes(origin), `the first line does not name ${origin}: ${first}`);
  return { ...server, data, origin };
}

/** Runs a command of `latchkey` to its end. */
export function runLatchkey(args, { env = {}, input = '' } = {}) {
  const home = scratch('home');
  const limits = { timeout: HUNG_MS, maxBuffer: 64 * 1024 * 1024 };
  const options = { cwd: home, env: environment(home, env), input, encoding: 'utf8', ...limits };
  const { error, status, stdout, stderr } = spawnSync(latchkey, args, options);
  if (error) throw error;
  return { status, stdout, stderr };
}

/**
 * Runs a command of `latchkey` while everything else goes on. It must succeed. Returns its output.
 */
export function doLatchkey(args, { env = {} } = {}) {
  const home = scratch('home');
  return run(`latchkey ${args[0]}`, latchkey, args, HUNG_MS, { cwd: home, env: environment(home, env) });
}

function environment(home, env) {
  return { PATH: process.env.PATH, HOME: home, ...env };
}

/** The demo service account that `latchkey serve` makes if none is configured. */
export function serviceAccountFile(server) {
  return join(server.data, 'firebase-service-account.json');
}

export function serviceAccount(server) {
  return JSON.parse(readFileSync(serviceAccountFile(server)));
}

// --- HTTP

/** Sends a server a request of requests.mjs. */
export function ask({ origin, tail }, { path, ...request }) {
  return exchange(origin + path, request, { tail });
}

/** Sends a server a request that must succeed. Returns the body of the answer. */
export async function succeed(server, request) {
  const { status, body } = await ask(server, request);
  assert.ok(status === 200 || status === 201, `${request.path} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/**
 * One exchange with exactly these headers, because fetch would add a content type. Uses its own
 * connection. The body is read as JSON.
 */
export function exchange(url, { method = 'GET', headers = {}, body } = {}, how = {}) {
  const { ms = HUNG_MS, tail = () => '' } = how;
  const answer = new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method, headers: { ...headers, ...length }, agent: false }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).once('error', reject).once('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode, headers: response.headersDistinct, text });
      });
    });
    request.once('error', reject).end(body);
  });
  return within(ms, answer, () => `no answer to ${method} ${url}; ${tail()}`).then(readJson);
}

function readJson({ text, ...answer }) {
  try {
    return { ...answer, body: text === '' ? '' : JSON.parse(text) };
  } catch {
    assert.fail(`not JSON, with status ${answer.status}: ${text}`);
  }
}

/** A request for `exchange` with a JSON body. */
export function json(method, value, headers = {}) {
  return { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

// --- Tokens and bodies

export function decodeJwt(token) {
  const [header, payload] = token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  return { header, payload };
}

export function assertSignedBy(token, privateKey) {
  const [, signed, signature] = token.match(/^(.*)\.(.*)$/);
  const key = createPublicKey(privateKey);
  assert.ok(verify('sha256', Buffer.from(signed), key, Buffer.from(signature, 'base64url')), 'the signature is wrong');
}

/** The payload of a token without the claims that differ between two tokens of the same content. */
export function timeless({ iat, exp, ...rest }) {
  return rest;
}

/** The keys and types of a JSON value, without the values. */
function shape(value) {
  if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(shape(item))))];
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, shape(value[key])]));
}

// Strict: an unknown keyword or format in the schema is an error.
const ajv = addFormats(new Ajv2020({ strict: true, allErrors: true }));
export const isSession = ajv.compile(JSON.parse(readFileSync(
  join(repository, 'shared', 'src', 'testing', 'session-object.schema.json'),
)));

/** Fails unless the value is a session object of a server with the default lifetimes. */
export function assertSession(session) {
  assert.ok(isSession(session), `not a session object: ${ajv.errorsText(isSession.errors)}\n${JSON.stringify(session)}`);
  // A schema cannot compare fields.
  assert.equal(session.user.id, session.uid);
  assert.equal(session.token, session.jwt_token);
  assert.equal(session.expires_in, 3600);
  return session;
}
