import { jsonProblem } from './json-problem.js';

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('a JSON value of a body', () => {
  it.each([['{"a":[1,-2.5e10,"text",null,true,{"b":"қ🙂"}]}'], ['{}'], [nested(100)]])(
    'is fine: %s',
    (text) => {
      expect(jsonProblem(JSON.parse(text), true)).toBeNull();
    },
  );

  it.each([
    ['{"a":[{"n":1e400}]}', /finite/],
    ['{"__proto__":1}', /__proto__/],
    ['{"a":[{"__proto__":{"b":1}}]}', /__proto__/],
    [nested(101), /nested more than 100 deep/],
    [nested(6_000), /nested/],
  ])('is not: %.40s', (text, problem) => {
    expect(jsonProblem(JSON.parse(text), false)).toMatch(problem);
  });

  it.each([['{"a":"b\\u0000"}'], ['{"a\\u0000":1}'], ['{"a":["\\ud800"]}']])(
    'that is stored is not: %s',
    (text) => {
      expect(jsonProblem(JSON.parse(text), true)).toMatch(/NUL/);
      expect(jsonProblem(JSON.parse(text), false)).toBeNull();
    },
  );
});
