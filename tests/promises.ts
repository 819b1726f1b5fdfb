/**
 * Where a promise's failure would be nobody's, as TypeScript's checker sees it. The linter's
 * noFloatingPromises takes `void` for an answer; here each ends in an await or a `.catch`.
 *
 * The compiler's API is marked unstable; the lock file holds its version.
 */
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Expression,
  isArrowFunction,
  isBinaryExpression,
  isCallExpression,
  isExpressionStatement,
  isPropertyAccessExpression,
  isVariableDeclaration,
  isVoidExpression,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API, type Checker, SignatureKind, type Type, TypeFlags } from 'typescript/unstable/sync';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Each as 'file: code', in the files that are wanted: a call that is neither awaited nor caught,
 * with or without `void`, and a function that returns a promise to who takes nothing.
 */
export function floatingPromises(isWanted: (file: string) => boolean): string[] {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] });
    return snapshot.getProjects().flatMap(({ program, checker }) =>
      program
        .getSourceFileNames()
        .filter(name => isWanted(relative(root, name)))
        .flatMap(name => {
          const file = program.getSourceFile(name);
          const found = file ? nodesOf(file).flatMap(node => floatingAt(node, checker)) : [];
          return found.map(node => `${relative(root, name)}: ${node.getText()}`);
        }),
    );
  } finally {
    api.close();
  }
}

function nodesOf(node: Node): Node[] {
  const found = [node];
  node.forEachChild(child => void found.push(...nodesOf(child)));
  return found;
}

function floatingAt(node: Node, checker: Checker): Expression[] {
  if (isExpressionStatement(node) || isVoidExpression(node))
    return isLeft(node.expression, checker) ? [node.expression] : [];
  if (isCallExpression(node))
    return node.arguments.filter(argument => isGivenAway(argument, checker));
  if (isVariableDeclaration(node) && node.type && node.initializer)
    return isGivenAway(node.initializer, checker) ? [node.initializer] : [];
  return [];
}

function isLeft(expression: Expression, checker: Checker): boolean {
  if (isAssignment(expression) || isCaught(expression)) return false;
  const type = checker.getTypeAtLocation(expression);
  if (!type) return false;
  const entries = type.isTypeReference() ? checker.getTypeArguments(type) : [];
  return isPromise(type, checker) || entries.some(entry => isPromise(entry, checker)); // a list of them
}

function isAssignment(expression: Expression): boolean {
  if (!isBinaryExpression(expression)) return false;
  const { kind } = expression.operatorToken;
  return kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment;
}

/** `.catch(f)`, or `.then(f, g)`. */
function isCaught(expression: Node): boolean {
  if (!isCallExpression(expression)) return false;
  const { expression: called, arguments: given } = expression;
  if (!isPropertyAccessExpression(called)) return false;
  const name = called.name.getText();
  return (name === 'catch' && given.length > 0) || (name === 'then' && given.length > 1);
}

/** A listener, say, that nobody awaits. */
function isGivenAway(expression: Expression, checker: Checker): boolean {
  const given = checker.getTypeAtLocation(expression);
  const taken = checker.getContextualType(expression);
  if (!given || !taken) return false;
  if (isArrowFunction(expression) && isCaught(expression.body)) return false;
  const wanted = resultsOf(taken, checker);
  return (
    wanted.some(type => (type.flags & TypeFlags.Void) !== 0) &&
    !wanted.some(type => isPromise(type, checker)) &&
    resultsOf(given, checker).some(type => isPromise(type, checker))
  );
}

/** What a function of this type returns. */
function resultsOf(type: Type, checker: Checker): Type[] {
  return partsOf(type)
    .flatMap(part => checker.getSignaturesOfType(part, SignatureKind.Call))
    .map(signature => checker.getReturnTypeOfSignature(signature))
    .filter(type => type !== undefined);
}

function isPromise(type: Type, checker: Checker): boolean {
  return partsOf(type).some(part => checker.getPropertyOfType(part, 'then') !== undefined);
}

function partsOf(type: Type): readonly Type[] {
  return type.isUnionType() ? type.getTypes() : [type];
}
