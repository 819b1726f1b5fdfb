/** Runs the probes: some first, most side by side, those that could hurt alone and last. */
import type { Found } from './discover.ts';
import { fault, notLookedAt, type Outcome, type Probe, type Theme, type Verdict } from './probe.ts';
import { Trouble } from './trouble.ts';
import { Visit, type VisitOptions } from './visit.ts';

export interface Finding {
  id: string;
  theme: string;
  title: string;
  verdict: Verdict;
  seen: string;
  remedy: string;
  threads: string[];
}

/** One finding a probe, in the order of the themes. */
export async function look(
  themes: Theme[],
  found: Found,
  visiting: VisitOptions,
): Promise<Finding[]> {
  const round = new Round(found, visiting);
  const probes = themes.flatMap(({ probes }) => probes);
  const of = (when: Probe['when']) => probes.filter(probe => probe.when === when);
  for (const probe of of('first')) await round.lead(probe);
  await round.sideBySide(of(undefined));
  for (const probe of of('alone')) await round.alone(probe);
  for (const probe of of('last')) await round.run(probe);
  return themes.flatMap(theme =>
    theme.probes.map(probe => findingOf(theme, probe, round.outcomeOf(probe))),
  );
}

function findingOf({ name: theme }: Theme, probe: Probe, outcome: Outcome): Finding {
  const { id, title, remedy, threads } = probe;
  return { id, theme, title, ...outcome, remedy, threads };
}

const atOnce = 4; // probes side by side: a server that starts a process a session keeps up

class Round {
  private readonly found: Found;
  private readonly visiting: VisitOptions;
  private readonly outcomes = new Map<Probe, Outcome>();

  constructor(found: Found, visiting: VisitOptions) {
    this.found = found;
    this.visiting = visiting;
  }

  private get oneForAll(): boolean {
    return this.found.doors.some(({ oneForAll }) => oneForAll);
  }

  outcomeOf(probe: Probe): Outcome {
    return this.outcomes.get(probe) ?? notLookedAt('it was left out');
  }

  async lead(probe: Probe): Promise<void> {
    await this.run(probe);
    if (this.outcomeOf(probe).verdict === 'pass') return;
    for (const door of this.found.doors) door.oneForAll = true;
  }

  async sideBySide(probes: Probe[]): Promise<void> {
    const waiting = [...probes];
    const length = this.oneForAll ? 1 : atOnce;
    const workers = Array.from({ length }, async () => {
      for (let probe = waiting.shift(); probe; probe = waiting.shift()) await this.run(probe);
    });
    await Promise.all(workers);
  }

  async alone(probe: Probe): Promise<void> {
    await this.run(probe);
    if (this.found.wounds.length > 0 || (await this.comesBack())) return;
    this.found.wounds.push(probe.id);
  }

  async run(probe: Probe): Promise<void> {
    this.outcomes.set(probe, await this.outcomeNow(probe));
  }

  private async outcomeNow(probe: Probe): Promise<Outcome> {
    const [wound] = this.found.wounds;
    if (wound !== undefined && probe.when !== 'last')
      return notLookedAt(`it no longer answers since ${wound}`);
    if (probe.opens && this.oneForAll) return notLookedAt('it has one session for all clients');
    return this.visit(probe);
  }

  private async visit(probe: Probe): Promise<Outcome> {
    const visit = new Visit(this.visiting);
    const { deadline, clear } = deadlineOf(probe, this.found, this.visiting);
    try {
      return await Promise.race([probe.run(visit, this.found), deadline]);
    } catch (error) {
      return await this.trouble(probe, error);
    } finally {
      clear();
      await visit.end();
    }
  }

  /** Silence and refusals are the server's; what is neither is this program's own fault. */
  private async trouble(probe: Probe, error: unknown): Promise<Outcome> {
    if (!(error instanceof Trouble)) throw error;
    if (await this.comesBack()) return fault(error.message);
    this.found.wounds.push(probe.id);
    return notLookedAt(error.message);
  }

  private async comesBack(): Promise<boolean> {
    const visit = new Visit(this.visiting);
    const [door] = this.found.doors;
    try {
      if (door) await (await door.session(visit)).pong();
      else await visit.ask(this.found.endpoint?.path ?? '/');
      return true;
    } catch (error) {
      if (error instanceof Trouble) return false;
      throw error;
    } finally {
      await visit.end();
    }
  }
}

const patiencesPerProbe = 6; // it asks one thing after another; no healthy server is silent to as many

/** A probe that is not over by then is a fault of the server's: it answers too slowly. */
function deadlineOf({ needsMs }: Probe, { options }: Found, { patienceMs }: VisitOptions) {
  const ms = patiencesPerProbe * patienceMs + (needsMs?.(options) ?? 0);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<Outcome>(done => {
    timer = setTimeout(() => done(fault(`not over after ${Math.round(ms / 1_000)} s`)), ms);
  });
  return { deadline, clear: () => clearTimeout(timer) };
}
