/** Chance that comes out the same in every run, so that what it found can be found again. */
export function random(seed: number) {
  let state = seed;

  /** From 0 up to, not including, `limit`. Three shifts go round all 32-bit numbers but 0. */
  function below(limit: number): number {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  }

  return {
    below,
    pick: <T>(list: readonly T[]): T => list[below(list.length)] as T, // an index in the list
    chance: (share: number): boolean => below(1_000) < share * 1_000,
  };
}
