# syntax=docker/dockerfile:1
# Build:  docker build -t cairn-signal .
# scripts/image-smoke makes the same image without Docker and runs it.

# Built on the builder's own platform: what is made is JavaScript, the same for all.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY client/package.json ./client/
RUN npm ci
COPY nest-cli.json tsconfig.json ./
COPY client/tsconfig.json ./client/
COPY client/src ./client/src
COPY src ./src
# npm leaves out a peer dependency that is a development dependency too, so the latter go first. The client is in dist.
RUN npm run build && npm pkg delete devDependencies && npm ci --omit=dev --workspaces=false

FROM gcr.io/distroless/nodejs24-debian12
LABEL org.opencontainers.image.title="cairn-signal" \
      org.opencontainers.image.description="Signaling server for cairn peers" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=build /app/package.json ./package.json
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY config/production.yaml ./config/production.yaml
COPY --chmod=755 scripts/image-command /usr/local/bin/cairn-signal
ENV NODE_ENV=production
# The same user as in the reference's image, so that mounted keys stay readable.
USER 65532:65532
EXPOSE 443 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/main.js", "healthcheck"]
# Exec form: flags may follow the name of the image, and signals reach the server.
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/main.js"]
