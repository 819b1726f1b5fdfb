/**
 * The fences of a document, to be run. A `console` fence holds `$ command` lines and what they
 * print, with `…` for what differs from run to run.
 */
export interface Fence {
  language: string;
  text: string;
}

export function fencesIn(markdown: string): Fence[] {
  const fences = markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...fences].map(([, language = '', text = '']) => ({ language, text }));
}

export interface Step {
  command: string;
  expected: string;
}

export function stepsOf({ text }: Fence): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map(step => {
      const [command = '', ...lines] = step.split('\n');
      return { command, expected: lines.join('\n').trimEnd() };
    });
}

export function pattern(expected: string): RegExp {
  const parts = expected.split('…').map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`);
}
