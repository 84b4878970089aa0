/**
 * As much of the peers' packages as is used here. They are installed by the bench alone (package.json in this folder),
 * so that the repository is checked without them.
 */
declare module "fastify" {
  type Request = { readonly body: unknown; readonly params: unknown };
  type Handler = (request: Request, reply: { type(mediaType: string): void }) => Promise<unknown>;
  export type Server = {
    post(path: string, handler: Handler): void;
    listen(where: { host: string; port: number }): Promise<string>;
  };
  export function fastify(): Server;
}

declare module "pg" {
  type Result = { readonly rows: readonly Record<string, unknown>[] };
  type Query = string | { readonly name: string; readonly text: string; readonly values: readonly unknown[] };
  type Queries = { query(query: Query, values?: readonly unknown[]): Promise<Result> };
  export type Client = Queries & { release(): void };
  export class Pool implements Queries {
    constructor(options: { connectionString: string; max?: number });
    query: Queries["query"];
    connect(): Promise<Client>;
  }
}

declare module "ioredis" {
  export class Redis {
    constructor(options: {
      host: string;
      port: number;
      scripts?: Record<string, { numberOfKeys: number; lua: string }>;
    });
    hset(key: string, fields: Record<string, string | number>): Promise<number>;
    hget(key: string, field: string): Promise<string | null>;
    set(key: string, value: string): Promise<unknown>;
    get(key: string): Promise<string | null>;
    [script: string]: (...args: readonly never[]) => Promise<unknown>;
  }
}

declare module "better-auth" {
  export type ApiKey = { readonly id: string; readonly referenceId: string; readonly remaining: number | null };
  export type Auth = {
    readonly api: {
      signUpEmail(call: { body: object }): Promise<{ user: { id: string } }>;
      createApiKey(call: { body: object }): Promise<ApiKey & { readonly key: string }>;
      updateApiKey(call: { body: object }): Promise<unknown>;
      verifyApiKey(call: {
        body: { key: string };
      }): Promise<{ valid: boolean; error: { code: string } | null; key: ApiKey | null }>;
    };
  };
  export type Options = Record<string, unknown>;
  export function betterAuth(options: Options): Auth;
}

declare module "better-auth/db/migration" {
  export function getMigrations(options: object): Promise<{ runMigrations(): Promise<void> }>;
}

declare module "@better-auth/api-key" {
  export function apiKey(options: object): object;
}

declare module "@better-auth/redis-storage" {
  export function redisStorage(config: { client: object }): object;
}
