/**
 * What `read` gives, asked for once a process. A failure is not kept: the next one asks again.
 *
 * Of mcp-mount, MIT.
 */
export function readOnce<T>(read: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  return () => {
    kept ??= read().catch(error => {
      kept = undefined;
      throw error;
    });
    return kept;
  };
}
