import { setText } from './dom.js';
import { printable } from './format.js';

/**
 * What buttons ask of the service, one request at a time.
 * @param message element that tells why something was not done
 * @param showButtons called when `busy` has changed
 */
export class Actions {
  busy = false;
  /** Why the last request was not done; null when it was. */
  failure = null;

  constructor(message, showButtons) {
    this.message = message;
    this.showButtons = showButtons;
  }

  /**
   * @param ask sends the request
   * @param refresh shows what has come of it, and the buttons
   * @param focus elements for the keyboard to go on from, should the button that was pressed be off by now
   */
  async run(ask, refresh, ...focus) {
    if (this.busy) return;
    this.busy = true;
    this.showButtons();
    try {
      await ask();
      this.failure = null;
    } catch (error) {
      this.failure = `Not done: ${printable(error.message)}`;
    }
    this.busy = false;
    setText(this.message, this.failure ?? '');
    await refresh();
    for (const element of focus) if (document.activeElement === document.body) element.focus();
  }

  forget() {
    this.failure = null;
    setText(this.message, '');
  }
}
