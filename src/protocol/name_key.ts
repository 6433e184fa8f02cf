/**
 * When two spellings are one name (PROTOCOL.md section 6).
 *
 * @module
 */

/**
 * The form in which a network is looked up, and from which its password's salt is made: NFKC, then lower case, then NFKC.
 * Both ends must agree on it, so it depends on no locale.
 */
export function nameKey(name: string): string {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}
