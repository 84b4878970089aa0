/** What the module `cloudflare:workers` is to an object in the simulated world: a base class that keeps what it is given. */
export class DurableObject {
  protected readonly ctx: unknown;
  protected readonly env: unknown;

  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}
