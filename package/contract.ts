/**
 * `mcp-mount/contract`: the mount contract, for tests of an App. Loads no other package.
 *
 *     router.mount('/app', contract(app))
 *
 * @module
 */
export { Breach, type ClauseName, type ContractOptions, contract } from '../http/contract.ts';
