// @ts-check

/** A fault that its message explains to the end; whoever shows it needs no stack trace. */
export class KafkaSetupError extends Error {
  /** @override */
  name = 'KafkaSetupError';

  /**
   * @param {string} message
   * @param {'EADDRINUSE'} [code]
   */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}
