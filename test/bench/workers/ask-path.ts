/** Where the Worker that asks over a service binding is asked itself. */
export const ASK_PATH = "/ask";
