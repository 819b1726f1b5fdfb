/** `mcp-mount/contract`: the mount contract, for tests of an App. Loads no other package. */
export {
  Breach,
  type ClauseName,
  type ContractOptions,
  clauses,
  contract,
} from '../http/contract.ts';
