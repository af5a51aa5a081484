/** Which of an instance's actions its state allows. */
export function actionsOf(type: string, state: string): ('start' | 'stop' | 'restart')[] {
  if (type !== 'ComputeInstance') {
    return [];
  }
  return /running/i.test(state) ? ['stop', 'restart'] : /stopped|failed|created/i.test(state) ? ['start'] : [];
}
