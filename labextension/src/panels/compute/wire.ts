/** A target as `GET compute` tells it; what only some kinds have is optional. */
export interface ICompute {
  name: string;
  /** `AmlCompute`, `ComputeInstance`, `VirtualMachine` … */
  type: string;
  state: string;
  description: string;
  tags: Record<string, string | null>;
  created: number | string | null;
  user: string;
  runs: { run: string; state: string; since: number }[];
  queued: number;
  running: number;
  vm_size?: string;
  min_nodes?: number;
  max_nodes?: number;
  idle_seconds?: number | null;
  current_nodes?: number;
  target_nodes?: number;
  nodes?: Record<string, unknown>[];
  backend?: string;
  errors?: unknown;
  limits?: unknown;
  address?: string;
  ssh_port?: number;
  username?: string;
}
