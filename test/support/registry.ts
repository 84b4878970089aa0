import { createServer, type IncomingMessage } from "node:http";
import { onLoopback, type OnLoopback } from "./on-loopback.ts";

/** As much of an npm registry as publishing and installing a package takes, below `/npm`. */
export type Registry = OnLoopback & {
  /** Method and target of every request, byte for byte as it arrived. */
  readonly seen: string[];
};

type Published = { readonly versions: object; readonly _attachments: Record<string, { readonly data: string }> };

export async function startRegistry(): Promise<Registry> {
  const seen: string[] = [];
  const documents = new Map<string, object>();
  const tarballs = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    void bodyOf(request).then((body) => {
      const [, , ...rest] = request.url!.split("/");
      const name = decodeURIComponent(rest[0]!);
      const tarball = rest.at(-1)!;
      if (request.method === "PUT") {
        const { _attachments, ...document } = JSON.parse(body.toString()) as Published;
        for (const [file, { data }] of Object.entries(_attachments)) {
          tarballs.set(file.split("/").at(-1)!, Buffer.from(data, "base64"));
        }
        documents.set(name, document);
        return response.writeHead(201, { "content-type": "application/json" }).end("{}");
      }
      const found = tarballs.get(tarball);
      if (found !== undefined) return response.end(found);
      const document = documents.get(name);
      if (document === undefined) return response.writeHead(404).end("{}");
      return response.setHeader("content-type", "application/json").end(JSON.stringify(document));
    });
  });
  return { ...(await onLoopback(server)), seen };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
