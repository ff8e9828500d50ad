// Secrets that were just made, on their way to the one page that shows them once.
export const newSecrets = new Map<number, string>();
