import { ServerConnection } from '@jupyterlab/services';
import { afterEach, expect, it } from 'vitest';

import { WorkspaceClient } from '../src/client';

const clients: WorkspaceClient[] = [];
afterEach(() => clients.splice(0).forEach(client => client.dispose()));

/** A client of a server that answers what the test says; and the queries that were asked. */
function client(answer: (url: URL) => object): { client: WorkspaceClient; asked: string[] } {
  const asked: string[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost/',
    fetch: async request => {
      const url = new URL((request as Request).url);
      asked.push(url.pathname + url.search);
      return new Response(JSON.stringify(answer(url)));
    }
  });
  const made = new WorkspaceClient(settings, new Promise(() => undefined));
  clients.push(made);
  return { client: made, asked };
}

it('a list of several pages is read to its end', async () => {
  const pages: Record<string, object> = {
    '': { files: [{ path: 'a' }], next: 'a+b' },
    'a+b': { files: [{ path: 'b' }, { path: 'c' }], next: null }
  };
  const { client: workspace, asked } = client(url => pages[url.searchParams.get('cursor') ?? '']);
  expect((await workspace.files('r1')).map(file => file.path)).toEqual(['a', 'b', 'c']);
  expect(asked).toHaveLength(2);
  expect(asked[1]).toContain('/aml/api/v1/runs/r1/files?cursor=a%2Bb');
});

it('experiments of all pages are listed, archived ones when they are asked for', async () => {
  const { client: workspace, asked } = client(url =>
    url.searchParams.has('cursor') ? { experiments: [{ name: 'z' }], next: null } : { experiments: [], next: 'm' }
  );
  expect(await workspace.experiments(true)).toEqual([{ name: 'z' }]);
  expect(asked.every(one => one.includes('archived=1'))).toBe(true);
});
