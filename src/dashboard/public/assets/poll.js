/**
 * Runs a task now and again: `interval` milliseconds after it has ended, never twice at a time, and not while the tab is
 * hidden; as soon as it is seen again, at once. The task sees to its own errors.
 * @returns a function that runs it without waiting for the interval
 */
export function poll(task, interval) {
  let timer;
  let running = false;
  let again = false;

  async function run() {
    clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    try {
      await task();
    } finally {
      running = false;
      if (!document.hidden) timer = setTimeout(run, again ? 0 : interval);
    }
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else void run();
  });
  if (!document.hidden) void run();
  return run;
}
