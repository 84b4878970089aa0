import type { Config } from "../env.ts";

/** Whether the control API answers on the host of a request. Where CONTROL_HOST names none, it does on every host. */
export const isControlHost = (request: Request, { controlHost }: Config): boolean =>
  controlHost === null || new URL(request.url).host === controlHost;
