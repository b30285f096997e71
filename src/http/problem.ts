/**
 * The closed list of error codes (RFC 9457 `code`), with the HTTP status and the title each stands for.
 * docs/errors.md lists the same; a test compares the two.
 */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  unauthorized: { status: 401, title: 'An API key is needed' },
  forbidden: { status: 403, title: 'The request is not allowed' },
  not_found: { status: 404, title: 'There is no such thing here' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  simulator_running: { status: 409, title: 'A simulator run is going on' },
  run_not_verifiable: { status: 409, title: 'The run cannot be compared' },
  pipeline_behind: { status: 409, title: 'The pipeline is not there yet' },
  simulator_not_running: { status: 409, title: 'No simulator run is going on' },
  anomaly_replayed: { status: 409, title: 'The anomaly was replayed' },
  anomaly_discarded: { status: 409, title: 'The anomaly was discarded' },
  batch_running: { status: 409, title: 'The day is being built' },
  partition_not_halted: { status: 409, title: 'The partition is not halted' },
  data_expired: { status: 409, title: 'Some of the data was deleted after its retention' },
  log_too_short: { status: 409, title: 'The log does not reach back far enough' },
  replay_ended: { status: 409, title: 'The replay has ended' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  event_too_large: { status: 413, title: 'The log takes no event of that size' },
  uri_too_long: { status: 414, title: 'The address is too long' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  nothing_to_replay: { status: 422, title: 'No anomaly meets the filter' },
  internal_error: { status: 500, title: 'Something went wrong in the service' },
  database_unavailable: { status: 503, title: 'The database is not available' },
  log_unavailable: { status: 503, title: 'The event log is not available' },
  not_ready: { status: 503, title: 'The service is not ready' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/** One thing that is wrong with one field of a request. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** An expected failure of a request; the exception filter renders it as `application/problem+json`. */
export class ProblemError extends Error {
  constructor(
    readonly code: ProblemCode,
    /** A sentence for a person: what is wrong, and what to do. Never holds a secret or an msisdn. */
    readonly detail: string,
    readonly errors?: readonly FieldError[],
    /** More members of the problem document, beside those every problem has. */
    readonly extensions?: Readonly<Record<string, unknown>>,
  ) {
    super(detail);
    this.name = 'ProblemError';
  }
}

/** The body of every error response. */
export interface ProblemDocument {
  /** Names the kind of problem, as RFC 9457 wants it; `code` is the handier form of the same. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly errors?: readonly FieldError[];
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export function problemDocument(problem: ProblemError): ProblemDocument {
  const { status, title } = problems[problem.code];
  return {
    type: `urn:telecom-pipeline:problem:${problem.code}`,
    title,
    status,
    detail: problem.detail,
    code: problem.code,
    ...(problem.errors && { errors: problem.errors }),
    ...problem.extensions,
  };
}

/** A request whose content is wrong in the named fields. */
export function invalidRequest(errors: readonly FieldError[]): ProblemError {
  const list = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  return new ProblemError('invalid_request', `${list}.`, errors);
}
