/** Short names for credentials and for ids of reservations, by which histories speak of them. */
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

  /** The id of the key that a credential belongs to: 16 characters of its body, as the contract of credentials has it. */
  idOf(name: string): string {
    const credential = this.credentialOf(name);
    const body = credential.slice(-(1 + 1 + 16 + 32 + 11 + 6));
    return `key_${body.slice(2, 18)}`;
  }

  credentialOf = (name: string): string => this.#credentials[Number(name.slice(1))]!;
}
