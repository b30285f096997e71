import type { OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';

export type SchemaObject = Exclude<
  NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string],
  { $ref: string }
>;

/** Schemas with a name (`.meta({ id })`), which the document keeps under `components.schemas`. */
export const namedSchemas = new Map<string, SchemaObject>();

/** OpenAPI 3.0 form of a response's schema; schemas with a name become references. */
export function openApiSchema(schema: z.ZodType): SchemaObject {
  const { definitions, ...converted } = withReferences(
    z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'output' }),
  );
  for (const [name, definition] of Object.entries(definitions ?? {})) {
    namedSchemas.set(name, definition as SchemaObject);
  }
  return converted as SchemaObject;
}

/** JSON Schema keeps its definitions in itself; OpenAPI has one place for all. */
function withReferences<T>(schema: T): T {
  return JSON.parse(
    JSON.stringify(schema).replaceAll('"$ref":"#/definitions/', '"$ref":"#/components/schemas/'),
  ) as T;
}
