/** The service cannot start, for a reason that the person at the keyboard can mend; shown as one line, without a stack. */
export class StartupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartupError';
  }
}
