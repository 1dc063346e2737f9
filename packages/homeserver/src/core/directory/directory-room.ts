/**
 * How many people a directory holds, in all and of the servers of each network address: server keys are free to make,
 * and one address shall not take the place of all others. [D2]
 */
import type { PeopleRoom } from "../federation/roster.ts";
import { directoryPeopleMax, directoryPeoplePerAddressMax } from "../limits.ts";

export class DirectoryRoom {
  people = 0;
  readonly #byAddress = new Map<string, number>();

  /** For the list of a server that connects from this address. */
  of(address: string): PeopleRoom {
    return {
      take: () => {
        const there = this.#byAddress.get(address) ?? 0;
        if (this.people >= directoryPeopleMax || there >= directoryPeoplePerAddressMax) return false;
        this.people += 1;
        this.#byAddress.set(address, there + 1);
        return true;
      },
      release: (people) => {
        const left = (this.#byAddress.get(address) ?? 0) - people;
        this.people -= people;
        if (left > 0) this.#byAddress.set(address, left);
        else this.#byAddress.delete(address);
      },
    };
  }
}
