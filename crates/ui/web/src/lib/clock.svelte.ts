// The time, for whatever counts down or says how long ago something was. It ticks only while somebody looks.
import { createSubscriber } from 'svelte/reactivity';

const everySecond = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

export const clock = {
  /** Milliseconds since 1970; whoever reads it in a template or an effect is told again each second. */
  get now(): number {
    everySecond();
    return Date.now();
  },
};
