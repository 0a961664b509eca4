// A rotation as Secrets Manager makes one: it gives a version that has no value yet the label of a pending one, and
// calls the function once for each of four steps.

import assert from 'node:assert/strict';

export const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];
const ARN = 'arn:aws:lambda:us-east-1:123456789012:function:rotate-keys';

/** Rotations of the secret `id`, which `invoke` gets the events of. */
export function rotations(secrets, id, invoke) {
  const labelled = async () => {
    const { VersionIdsToStages } = await secrets.describe(id);
    const found = {};
    for (const [version, labels] of Object.entries(VersionIdsToStages)) {
      for (const label of labels) (found[label] ??= []).push(version);
    }
    return found;
  };

  /** Makes a version pending, and gives its id. */
  const begin = async () => {
    const { AWSCURRENT, AWSPENDING } = await labelled();
    // After a rotation that went well both are on one version, which AWS takes for its end, and moto for one under
    // way.
    if (AWSPENDING?.[0] === AWSCURRENT[0]) await secrets.label(id, 'AWSPENDING', { from: AWSPENDING[0] });
    const token = crypto.randomUUID();
    const { status, body } = await secrets.ask('RotateSecret', {
      SecretId: id, ClientRequestToken: token, RotationLambdaARN: ARN,
    });
    // The version is there, and then moto finds no such function in a Lambda of its own.
    assert.deepEqual([status, body.__type], [404, 'ResourceNotFoundException'], JSON.stringify(body));
    assert.deepEqual((await labelled()).AWSPENDING, [token]);
    return token;
  };

  /** Takes one step; gives the status, and the cause of a failure. */
  const step = async (Step, token) => {
    const { status, body } = await invoke({ Step, SecretId: id, ClientRequestToken: token });
    return { status, cause: body?.errorMessage ?? '' };
  };

  const rotate = async () => {
    const token = await begin();
    for (const each of STEPS) {
      const { status, cause } = await step(each, token);
      assert.equal(status, 200, `${each}: ${cause}`);
    }
    return token;
  };
  return { begin, labelled, rotate, step };
}
