import { RateMeter } from './rate-meter.js';

describe('a rate meter', () => {
  it('says 0 before any time has passed', () => {
    const meter = new RateMeter(0, 10_000);
    expect(meter.rate(0)).toBe(0);
    expect(meter.mean(0)).toBe(0);
  });

  it('measures a steady rate, also before its window is full', () => {
    const meter = new RateMeter(0, 10_000);
    for (let now = 20; now <= 60_000; now += 20) {
      meter.record(now, now / 20);
      if (now === 1000 || now === 60_000) expect(meter.rate(now)).toBeCloseTo(50);
    }
  });

  it('follows a change within its window, while the mean remembers', () => {
    const meter = new RateMeter(0, 10_000);
    let total = 0;
    for (let now = 100; now <= 60_000; now += 100) meter.record(now, (total += 100));
    for (let now = 60_100; now <= 75_000; now += 100) meter.record(now, (total += 10));
    expect(meter.rate(75_000)).toBeCloseTo(100);
    expect(meter.mean(75_000)).toBeCloseTo(820);
  });

  it('falls to 0 when nothing comes any more', () => {
    const meter = new RateMeter(0, 10_000);
    meter.record(1000, 500);
    meter.record(2000, 1000);
    expect(meter.rate(4000)).toBe(250);
    expect(meter.rate(13_000)).toBe(0);
  });
});
