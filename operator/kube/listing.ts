// All objects of a kind at one moment: as a streaming list, whose stream goes on as the watch, or page by page.
import type { ListPage } from './client.ts';
import { ApiError, ConnectionError, GoneError, ProtocolError } from './errors.ts';
import type { Listed, Seen } from './mirror.ts';
import { pathOf } from './resources.ts';
import { type Change, type Source, WatchSession } from './watch-session.ts';

/**
 * One consistent list, each page projected before the next is asked for. A continue token that expires on the way (the
 * server compacts every five minutes, and its snapshot is gone) begins the list anew with ten times the page, and
 * without pages in the end, so that it comes to an end however slow the way is. `onExpired` hears of each time.
 */
export async function listPages(
  source: Source,
  { pageSize, onExpired }: { readonly pageSize: number; readonly onExpired: () => void },
  signal: AbortSignal,
): Promise<Listed> {
  for (const limit of [pageSize, pageSize * 10, undefined]) {
    try {
      return await allPages(source, limit, signal);
    } catch (error) {
      if (!(error instanceof GoneError) || limit === undefined) throw error;
      onExpired();
    }
  }
  throw new Error('a list without pages has no token that could expire');
}

async function allPages(source: Source, limit: number | undefined, signal: AbortSignal): Promise<Listed> {
  const { client, resource, select, keep, stallMs } = source;
  const items: Seen[] = [];
  let token = '';
  let page: ListPage;
  do {
    const paging = limit === undefined ? {} : { limit, continue: token };
    page = await client.list(resource, { ...select, ...paging, deadlineMs: Math.min(stallMs, 60_000), signal });
    for (const object of page.items) items.push(keep(object));
    token = page.continue;
  } while (token !== '');
  return { items, version: page.resourceVersion };
}

/**
 * A streaming list (WatchList, Kubernetes 1.27): every object as an event, a bookmark that says that these were all, and
 * then what changes. The session stands right after the list. Rejects when the stream breaks off before the bookmark.
 */
export async function listStream(
  source: Source,
  signal: AbortSignal,
): Promise<{ readonly listed: Listed; readonly session: WatchSession }> {
  const session = await WatchSession.open(source, 'all', signal);
  try {
    return { listed: await initialEvents(session, source), session };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function initialEvents(session: WatchSession, { resource }: Source): Promise<Listed> {
  const request = `WATCH ${pathOf(resource, {})}`;
  const items = new Map<string, Seen>();
  for (;;) {
    const changes = await session.next();
    if (changes === undefined) throw new ConnectionError(request, 'the streaming list ended before it was complete');
    const end = changes.findIndex(({ type }) => type === 'bookmark');
    for (const change of end < 0 ? changes : changes.slice(0, end)) collect(items, change);
    const bookmark = changes[end];
    if (bookmark?.type !== 'bookmark') continue;
    // A server that does not know the parameter takes the request for an ordinary watch.
    if (!bookmark.listed) throw new NoStreamingError(request, 'an ordinary watch in place of a streaming list');
    session.resume(changes.slice(end + 1), bookmark.version);
    return { items: [...items.values()], version: bookmark.version };
  }
}

function collect(items: Map<string, Seen>, change: Change): void {
  if (change.type === 'applied') items.set(change.item.key, change.item);
  else if (change.type === 'deleted') items.delete(change.item.key);
}

class NoStreamingError extends ProtocolError {}

const refusals: ReadonlySet<number> = new Set([400, 405, 406, 415, 422, 500, 501]);

/**
 * Whether a list by pages may succeed at once where a streaming list failed so: the server does not know it, or cannot
 * do it. Checked on 1.36: with its watch cache and etcd 3.4.23 it answers 200 and an ERROR event of 500 (the etcd lacks
 * RequestWatchProgress).
 */
export function refusesStreaming(error: unknown): boolean {
  if (error instanceof NoStreamingError) return true;
  return error instanceof ApiError && refusals.has(error.status);
}
