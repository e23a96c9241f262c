import type { Spread } from '../measure/statistics.js';
import type { OnceFigures, OpenFigures, Results } from '../results.js';
import { type Event, eventsOf, isOurs, isPeer } from './comparison.js';
import { figure, percent, times } from './format.js';

/** Where ours is behind a peer on the same framework: one sentence each, out of the figures. */
export function lossesOf(results: Results): string[] {
  return [...eventsOf(results).flatMap(closedLosses), ...openLosses(results.openLoop), ...onceLosses(results.once)];
}

function closedLosses({ method, connections, figures }: Event): string[] {
  const pairs = pairsOf(figures);
  return pairs.flatMap(([ours, peer]) => {
    const where = `${method}, ${connections} connections: ${ours.contestant}`;
    const losses: string[] = [];
    const [own, other] = [ours.spread.perSecond, peer.spread.perSecond];
    if (own.median < other.median) {
      const by = `${times(other.median / own.median)} the requests/s of ours${doubt(own, other)}`;
      losses.push(`${where} is slower than ${peer.contestant}, which has ${by}.`);
    }
    const [ownTail, otherTail] = [ours.spread.p99, peer.spread.p99];
    if (ownTail.median > otherTail.median) {
      losses.push(
        `${where} has a p99 of ${figure(ownTail.median)} ms, ${peer.contestant} one of ${figure(otherTail.median)} ms.`,
      );
    }
    // Redis writes no WAL, durable or not.
    if (peer.spread.statements.median > 0) {
      const [ownWal, otherWal] = [ours.spread.walBytes.median, peer.spread.walBytes.median];
      if (ownWal > otherWal) {
        losses.push(
          `${where} writes ${figure(ownWal)} bytes of WAL per request, ${peer.contestant} ${figure(otherWal)}.`,
        );
      }
      const [ownHot, otherHot] = [ours.spread.hotShare?.median, peer.spread.hotShare?.median];
      if (ownHot !== undefined && otherHot !== undefined && ownHot < otherHot) {
        losses.push(`${where} has ${percent(ownHot)} HOT updates, ${peer.contestant} ${percent(otherHot)}.`);
      }
    }
    return losses;
  });
}

function openLosses(openLoop: readonly OpenFigures[]): string[] {
  return (['GET', 'POST'] as const).flatMap((method) => {
    const figures = openLoop.filter((one) => one.method === method);
    const behind = figures
      .filter((one) => isOurs(one.contestant) && !one.holds)
      .map(
        (one) => `${method} at a fixed rate: ${one.contestant} does not keep up with ${figure(one.rate)} requests/s.`,
      );
    const slower = pairsOf(figures).flatMap(([ours, peer]) => {
      if (!ours.holds || !peer.holds) return [];
      return (['addedP50', 'addedP99'] as const)
        .filter((key) => (ours[key] ?? 0) > (peer[key] ?? 0))
        .map(
          (key) =>
            `${method} at a fixed rate: ${ours.contestant} adds ${figure(ours[key])} ms to the ` +
            `${key.slice(-3).toLowerCase()} of the bare server, ${peer.contestant} ${figure(peer[key])} ms.`,
        );
    });
    return [...behind, ...slower];
  });
}

function onceLosses(once: readonly OnceFigures[]): string[] {
  return (['first write', 'login'] as const).flatMap((act) =>
    pairsOf(once.filter((one) => one.act === act))
      .filter(([ours, peer]) => ours.perSecond.median < peer.perSecond.median)
      .map(
        ([ours, peer]) =>
          `${act}: ${ours.contestant} is slower than ${peer.contestant}, which has ` +
          `${times(peer.perSecond.median / ours.perSecond.median)} the requests/s of ours${doubt(ours.perSecond, peer.perSecond)}.`,
      ),
  );
}

function doubt(own: Spread, other: Spread): string {
  return own.max >= other.min ? ' (the rounds overlap)' : '';
}

/** Every one of ours with every peer on the same framework. */
function pairsOf<One extends { contestant: string; platform: string }>(figures: readonly One[]): [One, One][] {
  return figures
    .filter(({ contestant }) => isOurs(contestant))
    .flatMap((ours) =>
      figures
        .filter((peer) => peer.platform === ours.platform && isPeer(peer.contestant))
        .map((peer): [One, One] => [ours, peer]),
    );
}
