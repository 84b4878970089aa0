import { createServer, type IncomingMessage } from "node:http";
import { posix } from "node:path";
import express from "express";
import fastifyPackage from "fastify";
import { onLoopback } from "./on-loopback.ts";

/** An API with two handlers, one that anybody may reach and one that nobody may without leave. */
export type Api = AsyncDisposable & {
  readonly url: string;
  /** The targets with which the handler of `/admin` was reached since this was last asked. */
  adminSaw(): readonly string[];
  /** The targets of everything that arrived since this was last asked. */
  saw(): readonly string[];
};

/** Real frameworks, as people set them up, with the options on that make them take more spellings for one route. */
export const FRAMEWORKS = { Express: startExpress, Fastify: startFastify, "plain Node": startNode } as const;
export type Framework = keyof typeof FRAMEWORKS;

class Log {
  #admin: string[] = [];
  #all: string[] = [];
  readonly note = (handler: string, target: string): string => {
    if (handler === "admin") this.#admin.push(target);
    this.#all.push(target);
    return handler;
  };
  readonly adminSaw = () => this.#admin.splice(0);
  readonly saw = () => this.#all.splice(0);
}

async function startExpress(): Promise<Api> {
  const log = new Log();
  const app = express();
  for (const handler of ["admin", "public"]) {
    app.all([`/${handler}`, `/${handler}/{*rest}`], (request, response) => {
      response.send(log.note(handler, request.originalUrl));
    });
  }
  app.use((request, response) => {
    response.status(404).send(log.note("none", request.originalUrl));
  });
  return { ...(await onLoopback(createServer(app))), adminSaw: log.adminSaw, saw: log.saw };
}

/** As much of it as is used here: its own types cannot be read with those of another runtime beside them. */
const fastify = fastifyPackage as unknown as (options: object) => {
  all(path: string, answer: (request: { readonly raw: IncomingMessage }) => string): void;
  setNotFoundHandler(
    answer: (
      request: { readonly raw: IncomingMessage },
      reply: { code(status: number): typeof reply; send(text: string): void },
    ) => void,
  ): void;
  listen(where: { readonly host: string; readonly port: number }): Promise<string>;
  close(): Promise<void>;
};

async function startFastify(): Promise<Api> {
  const log = new Log();
  const app = fastify({
    routerOptions: {
      caseSensitive: false,
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      useSemicolonDelimiter: true,
    },
  });
  for (const handler of ["admin", "public"]) {
    for (const path of [`/${handler}`, `/${handler}/*`]) {
      app.all(path, (request) => log.note(handler, request.raw.url ?? ""));
    }
  }
  app.setNotFoundHandler((request, reply) => reply.code(404).send(log.note("none", request.raw.url ?? "")));
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return { url, adminSaw: log.adminSaw, saw: log.saw, [Symbol.asyncDispose]: () => app.close() };
}

/** A router as it is written by hand: decoded, with dots resolved and all separators alike. */
async function startNode(): Promise<Api> {
  const log = new Log();
  const server = createServer((request, response) => {
    const [, first = ""] = pathOf(request).split("/");
    const handler = first === "admin" || first === "public" ? first : "none";
    response.end(log.note(handler, request.url ?? ""));
  });
  return { ...(await onLoopback(server)), adminSaw: log.adminSaw, saw: log.saw };
}

function pathOf({ url = "" }: IncomingMessage): string {
  const [written = ""] = url.replace(/^https?:\/\/[^/]*/, "").split("?");
  let path = written;
  for (let time = 0; time < 2; time++) {
    try {
      path = decodeURIComponent(path);
    } catch {
      break;
    }
  }
  return posix.normalize(path.replaceAll("\\", "/").replaceAll(/;[^/]*/g, "")).toLowerCase();
}
