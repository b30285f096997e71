/** What the server, rather than Nest, has to know of a route; fastify keeps it as `routeOptions.config`. */
export interface RouteSettings {
  /** Open to callers without a key. */
  readonly public?: boolean;
  /** The handler takes the body's bytes as they came, of these media types. */
  readonly rawBody?: readonly string[];
}

declare module 'fastify' {
  // Merged with fastify's own interface, which is how it wants its `config` typed.
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface FastifyContextConfig extends RouteSettings {}
}
