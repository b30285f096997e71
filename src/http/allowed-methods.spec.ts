import { AllowedMethods } from './allowed-methods.js';

describe('the methods of a path', () => {
  const allowed = new AllowedMethods();
  allowed.add('/anomalies', ['GET', 'HEAD']);
  allowed.add('/anomalies/:id', 'GET');
  allowed.add('/anomalies/:id/replay', 'POST');
  allowed.add('/docs-json', 'GET');
  allowed.add('/docs/*', 'GET');

  it.each([
    ['/anomalies', ['GET', 'HEAD']],
    ['/anomalies?limit=1', ['GET', 'HEAD']],
    ['/anomalies/12', ['GET']],
    ['/anomalies/12/replay', ['POST']],
    ['/docs/a/b.js', ['GET']],
    ['/anomalies/', []],
    ['/anomaliesx', []],
    ['/nothing', []],
  ])('%s: %j', (url, methods) => {
    expect(allowed.at(url)).toEqual(methods);
  });
});
