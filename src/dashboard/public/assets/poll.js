/**
 * Runs a task now and again: `interval` milliseconds after it has ended, never twice at a time, and not while the tab is
 * hidden; as soon as it is seen again, at once. The task sees to its own errors.
 * @returns a function that runs it without waiting for the interval, after the one that is under way; its promise ends
 * with that run
 */
export function poll(task, interval) {
  let timer;
  let current = Promise.resolve();
  let next = null;

  function run() {
    clearTimeout(timer);
    next ??= current.then(() => {
      next = null;
      current = once();
      return current;
    });
    return next;
  }

  async function once() {
    clearTimeout(timer);
    try {
      await task();
    } finally {
      if (!document.hidden) timer = setTimeout(run, interval);
    }
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else void run();
  });
  if (!document.hidden) void run();
  return run;
}
