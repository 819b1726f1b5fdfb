/** The text of docs/api.md, from what TypeDoc reads in the source. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Application,
  Comment,
  type CommentDisplayPart,
  type DeclarationReflection,
  type ProjectReflection,
  ReflectionKind,
} from 'typedoc';
import { membersOf, signatureText, typeParametersText, typeText } from './types.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const parts = ['router', 'guard', 'mcp', 'serve', 'xray', 'contract'];

/** @throws when the source does not compile, or a docstring links to nothing */
export async function apiPage(): Promise<string> {
  const app = await Application.bootstrap({
    entryPoints: parts.map(part => join(root, 'package', `${part}.ts`)),
    tsconfig: join(root, 'package/tsconfig.json'),
    disableSources: true,
    excludeExternals: true,
    excludePrivate: true,
    sort: ['kind', 'alphabetical'],
    kindSortOrder: ['Function', 'Variable', 'Class', 'Interface', 'TypeAlias'],
    // By kind: what a reader comes for is to be explained; of what it has, what needs it.
    requiredToBeDocumented: ['Function', 'Variable', 'Class', 'Interface', 'TypeAlias'],
    validation: { notExported: true, notDocumented: true, invalidLink: true },
    intentionallyNotExported: ['http/options.ts:Optional'],
    // As the SDK and Node have them.
    intentionallyNotDocumented: [
      'mcp.McpServerLike.connect',
      'mcp.McpServerLike.close',
      'serve.Stoppable.close',
      'serve.Stoppable.closeIdleConnections',
      'serve.Stoppable.closeAllConnections',
      'xray.Panel.state',
      'mcp.McpOptions.owner',
      'mcp.McpOptions.onError',
    ],
    logLevel: 'Warn',
  });
  const project = await app.convert();
  if (!project) throw new Error('TypeDoc could not read the source.');
  app.validate(project);
  if (app.logger.hasWarnings()) throw new Error('Mend what TypeDoc says first.');
  const modules = parts.map(part => moduleOf(project, part));
  return [intro, ...modules.map(moduleText)].join('\n\n');
}

const intro = `# API

Every export of the package, as its docstrings have it. \`mcp-mount\` is all of it in one import; each part below can be imported alone. How to begin: [embed it](../README.md#embed-it). The numbers behind the options: [limits](limits.md).
`;

function moduleOf(project: ProjectReflection, part: string): DeclarationReflection {
  const found = project.children?.find(({ name }) => name === part);
  if (!found) throw new Error(`package/${part}.ts exports nothing.`);
  return found;
}

function moduleText(module: DeclarationReflection): string {
  const children = module.children ?? [];
  const names = children.map(({ name }) => `\`${name}\``).join(', ');
  const entries = children.map(entryText);
  return [`## mcp-mount/${module.name}`, textOf(module.comment), `${names}.`, ...entries].join(
    '\n\n',
  );
}

function entryText(entry: DeclarationReflection): string {
  const heading = `### ${entry.name}`;
  if (entry.kind === ReflectionKind.Function)
    return [heading, ...functionTexts(entry)].join('\n\n');
  return [heading, code(headOf(entry)), textOf(entry.comment), tableOf(entry)]
    .filter(text => text !== '')
    .join('\n\n');
}

function functionTexts({ signatures = [] }: DeclarationReflection): string[] {
  return signatures.flatMap(signature => {
    const params = (signature.parameters ?? []).flatMap(({ name, comment }) =>
      comment ? [`- \`${name}\`: ${textOf(comment)}`] : [],
    );
    return [code(signatureText(signature)), textOf(signature.comment), params.join('\n')].filter(
      text => text !== '',
    );
  });
}

function headOf(entry: DeclarationReflection): string {
  const named = entry.name + typeParametersText(entry.typeParameters);
  if (entry.kind === ReflectionKind.Variable) return `const ${entry.name}: ${typeText(entry.type)}`;
  if (entry.kind === ReflectionKind.TypeAlias) return `type ${named} = ${typeText(entry.type)}`;
  const above = entry.extendedTypes?.map(typeText).join(', ');
  const word = entry.kind === ReflectionKind.Class ? 'class' : 'interface';
  return `${word} ${named}${above ? ` extends ${above}` : ''}`;
}

/** What an interface or a class has, a line each. */
function tableOf(entry: DeclarationReflection): string {
  const members = membersOf(entry);
  if (members.length === 0) return '';
  const rows = members.map(
    ({ text, comment }) => `| ${code(text).replaceAll('|', '\\|')} | ${inCell(textOf(comment))} |`,
  );
  return ['| member | |', '|---|---|', ...rows].join('\n');
}

function inCell(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|');
}

/** The docstring, then what is returned and thrown. */
function textOf(comment: Comment | undefined): string {
  if (!comment) return '';
  const tags = comment.blockTags.map(
    ({ tag, content }) => `${words[tag] ?? tag} ${partsText(content)}`,
  );
  return [partsText(comment.summary), ...tags].filter(text => text !== '').join('\n\n');
}

const words: Record<string, string> = { '@returns': 'Returns', '@throws': 'Throws' };

function partsText(parts: CommentDisplayPart[]): string {
  return Comment.combineDisplayParts(parts).trim();
}

function code(text: string): string {
  return `\`${text}\``;
}
