import { Injectable, StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { fieldErrors } from './field-errors.js';
import { invalidRequest } from './problem.js';

/**
 * Nest's own schema validation (`@Query({ schema })`), with one problem for all mistakes of a request.
 * A parameter without a schema is passed on as it is.
 */
@Injectable()
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  override async transform<T = unknown>(value: T, metadata: ArgumentMetadata): Promise<T> {
    const { schema } = metadata;
    if (!schema) return value;
    const result = await this.validate(value, schema);
    if (result.issues) throw invalidRequest(fieldErrors(result.issues, metadata.data ?? metadata.type));
    return result.value as T;
  }

  /** `__proto__` and `constructor` are unknown fields like any other: named, not silently taken out. */
  protected override stripProtoKeys(): void {
    return undefined;
  }
}
