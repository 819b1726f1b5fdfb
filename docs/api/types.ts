/** Types and signatures as one would write them. */
import {
  type Comment,
  type DeclarationReflection,
  ReflectionType,
  type SignatureReflection,
  type SomeType,
  type Type,
  type TypeParameterReflection,
} from 'typedoc';

export interface Member {
  text: string;
  comment: Comment | undefined;
}

/** Of an interface, a class or an object type: how it is called, then its members as written. */
export function membersOf(entry: DeclarationReflection): Member[] {
  const calls = (entry.signatures ?? []).filter(isOwn).map(signature => ({
    text: signatureText(signature, ''),
    comment: signature.comment,
  }));
  const others = (entry.children ?? [])
    .filter(member => member.name !== 'constructor' && isOwn(member))
    .flatMap(memberOf);
  const rest = (entry.indexSignatures ?? []).map(({ parameters = [], type, comment }) => ({
    text: `[${parameters.map(({ name, type }) => `${name}: ${typeText(type)}`)}]: ${typeText(type)}`,
    comment,
  }));
  return [...calls, ...others, ...rest];
}

/** What it extends has a section of its own. */
function isOwn({ inheritedFrom }: { inheritedFrom?: unknown }): boolean {
  return inheritedFrom === undefined;
}

function memberOf(member: DeclarationReflection): Member[] {
  const { signatures, comment } = member;
  const name = member.name.replace(/^\[(?=async|iterator)/, '[Symbol.');
  if (signatures)
    return signatures.map(signature => ({
      text: signatureText(signature, name + optional(member)),
      comment: signature.comment,
    }));
  return [
    {
      text: `${name}${optional(member)}: ${typeText(member.type)}`,
      comment: comment ?? commentOf(member.type),
    },
  ];
}

/** Of a method that a mapped type made a property of. */
function commentOf(type: Type | undefined): Comment | undefined {
  return type instanceof ReflectionType ? type.declaration.signatures?.[0]?.comment : undefined;
}

function optional({ flags }: { flags: { isOptional: boolean } }): string {
  return flags.isOptional ? '?' : '';
}

/** `createRouter(options?: RouterOptions): Router` */
export function signatureText(signature: SignatureReflection, name = signature.name): string {
  return `${name}${typeParametersText(signature.typeParameters)}${parametersText(signature)}: ${typeText(signature.type)}`;
}

function parametersText({ parameters = [] }: SignatureReflection): string {
  const texts = parameters.map(parameter => {
    const isOptional = parameter.flags.isOptional || parameter.defaultValue !== undefined;
    const name = parameter.name === '__namedParameters' ? 'options' : parameter.name;
    return `${parameter.flags.isRest ? '...' : ''}${name}${isOptional ? '?' : ''}: ${typeText(parameter.type)}`;
  });
  return `(${texts.join(', ')})`;
}

export function typeParametersText(parameters: TypeParameterReflection[] | undefined): string {
  if (!parameters || parameters.length === 0) return '';
  const texts = parameters.map(({ name, type, default: fallback }) =>
    [name, type && ` extends ${typeText(type)}`, fallback && ` = ${typeText(fallback)}`]
      .filter(Boolean)
      .join(''),
  );
  return `<${texts.join(', ')}>`;
}

export function typeText(type: Type | undefined): string {
  if (!type) return 'unknown';
  const some = type as SomeType; // the union of all that a Type can be
  switch (some.type) {
    case 'union':
      return some.types.map(inUnion).join(' | ');
    case 'intersection':
      return some.types.map(inUnion).join(' & ');
    case 'array':
      return `${grouped(some.elementType)}[]`;
    case 'reference':
      return (shownAs[some.name] ?? some.name) + argumentsText(some.typeArguments);
    case 'reflection':
      return reflectionText(some.declaration);
    case 'typeOperator':
      return `${some.operator} ${typeText(some.target)}`;
    case 'conditional':
      return `${typeText(some.checkType)} extends ${typeText(some.extendsType)} ? ${typeText(some.trueType)} : ${typeText(some.falseType)}`;
    default:
      return some.toString();
  }
}

// Ours lets a key be undefined, too, whatever the compiler is told of optional ones.
const shownAs: Record<string, string> = { Optional: 'Partial' };

function argumentsText(types: SomeType[] | undefined): string {
  return types && types.length > 0 ? `<${types.map(typeText).join(', ')}>` : '';
}

function inUnion(type: SomeType): string {
  return isFunction(type) ? `(${typeText(type)})` : typeText(type);
}

function grouped(type: SomeType): string {
  return type.type === 'union' || isFunction(type) ? `(${typeText(type)})` : typeText(type);
}

function isFunction(type: SomeType): boolean {
  return type instanceof ReflectionType && type.declaration.signatures !== undefined;
}

function reflectionText(declaration: DeclarationReflection): string {
  const [call] = declaration.signatures ?? [];
  if (call)
    return `${typeParametersText(call.typeParameters)}${parametersText(call)} => ${typeText(call.type)}`;
  const members = membersOf(declaration).map(({ text }) => text);
  return members.length > 0 ? `{ ${members.join('; ')} }` : '{}';
}
