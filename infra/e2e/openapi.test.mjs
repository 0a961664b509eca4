// The documents about the API, judged by three validators of other makers.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import SwaggerParser from '@apidevtools/swagger-parser';

import { exchange, HUNG_MS, scratch, serve, stopAll, tools } from './support.mjs';

const DOCUMENTS = { 'openapi.json': '3.1.0', 'openapi-3.0.json': '3.0.3', 'flutterflow.json': '3.0.3' };
const REDOCLY = fileURLToPath(new URL('node_modules/.bin/redocly', import.meta.url));
const RULES = fileURLToPath(new URL('redocly.yaml', import.meta.url));
// The linter would tell its maker of each run, and look for a newer version.
const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };

let folder;
const documents = {};

before(async () => {
  const server = await serve();
  folder = scratch('openapi');
  for (const [name, version] of Object.entries(DOCUMENTS)) {
    const { status, headers, body } = await exchange(`${server.origin}/${name}`);
    assert.equal(status, 200, name);
    assert.equal(headers['content-type'][0], 'application/json; charset=utf-8');
    assert.deepEqual([body.openapi, body.servers], [version, [{ url: server.origin }]], name);
    documents[name] = body;
    writeFileSync(join(folder, name), JSON.stringify(body));
  }
});
after(stopAll);

function run(command, args, env = {}) {
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env }, encoding: 'utf8', timeout: HUNG_MS };
  return spawnSync(command, args, options);
}

for (const name of Object.keys(DOCUMENTS)) {
  test(`openapi-spec-validator finds nothing wrong with ${name}`, () => {
    const { status, stdout, stderr } = run(join(tools, 'bin', 'python'), ['-m', 'openapi_spec_validator', join(folder, name)]);
    assert.equal(status, 0, stdout + stderr);
  });

  test(`Redocly finds neither an error nor a warning in ${name}`, () => {
    const flat = DOCUMENTS[name] === '3.1.0' ? [] : ['--skip-rule', 'security-defined'];
    const args = [REDOCLY, 'lint', join(folder, name), '--config', RULES, '--format', 'json', ...flat];
    const { stdout, stderr } = run(process.execPath, args, QUIET);
    const { totals, problems } = JSON.parse(stdout.slice(stdout.indexOf('{')));
    assert.deepEqual([totals.errors, totals.warnings], [0, 0], JSON.stringify(problems, null, 1) + stderr);
  });

  test(`swagger-parser reads ${name}`, async () => {
    const read = await SwaggerParser.validate(structuredClone(documents[name]));
    assert.deepEqual(Object.keys(read.paths), Object.keys(documents[name].paths));
  });
}

test('the validators find what is wrong', async () => {
  const broken = structuredClone(documents['openapi.json']);
  delete broken.paths['/login'].post.responses;
  broken.paths['/login'].post.parameters = [{ in: 'nowhere', name: 'x' }];
  const file = join(folder, 'broken.json');
  writeFileSync(file, JSON.stringify(broken));
  assert.notEqual(run(join(tools, 'bin', 'python'), ['-m', 'openapi_spec_validator', file]).status, 0);
  assert.notEqual(run(process.execPath, [REDOCLY, 'lint', file, '--config', RULES], QUIET).status, 0);
  await assert.rejects(SwaggerParser.validate(broken));
});
