import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import { once } from 'node:events';
import { selfSigned } from './certificate.js';

/** Something that listens on a port of its own. */
export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

async function running(server: Server): Promise<RunningServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A proxy that ends TLS in front of a server on this machine, and says so to it. */
export function startTlsProxy(port: number): Promise<RunningServer> {
  const server = createServer(selfSigned(), (incoming, outgoing) => {
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' };
    const onward = request({ host: '127.0.0.1', port, path: incoming.url, method: incoming.method, headers });
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode as number, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  return running(server);
}

/** A site that shows, in a frame named `app`, the page whose address stands behind the `?` of its own. */
export function startEmbedder(): Promise<RunningServer> {
  const server = createServer(selfSigned(), ({ url }, response) => {
    const page = decodeURIComponent((url as string).slice(2));
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><iframe name="app" src="${page.replaceAll('"', '&quot;')}"></iframe>`);
  });
  return running(server);
}

/**
 * A site that serves one page, whatever its path and host.
 *
 * @param cookie how it sets one, if it does
 */
export function startPage(html: string, cookie?: string): Promise<RunningServer> {
  const server = createServer(selfSigned(), (_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    if (cookie !== undefined) response.setHeader('Set-Cookie', cookie);
    response.end(`<!doctype html>${html}`);
  });
  return running(server);
}
