/** Short names for credentials, by which histories speak of them. */
export class Secrets {
  readonly #names = new Map<string, string>();
  readonly #credentials: string[] = [];

  /** The name of a credential; the same credential always has the same. */
  nameOf(credential: string): string {
    let name = this.#names.get(credential);
    if (name === undefined) {
      name = `s${this.#credentials.length}`;
      this.#names.set(credential, name);
      this.#credentials.push(credential);
    }
    return name;
  }

  credentialOf = (name: string): string => this.#credentials[Number(name.slice(1))]!;
}
