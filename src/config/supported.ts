import type { GatewayConfig, KvConfig, Tier } from './config.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';

/** What a runtime can be made of. */
export interface Ability {
  readonly tiers: readonly Tier[];
  readonly kv: readonly KvConfig['type'][];
  readonly ca: readonly GatewayConfig['ca']['type'][];
  readonly publicSocket: boolean;
  readonly alertWebhook?: boolean;
  readonly telemetry?: boolean;
}

/** Of the runtimes beside Node, unless they say otherwise. */
export const PLAIN: Ability = {
  tiers: ['local', 'standalone'],
  kv: ['memory', 'upstash'],
  ca: ['embedded'],
  publicSocket: false,
};

/**
 * Refuses what the schema allows and a runtime does not have, part by part.
 * @throws ConfigError
 */
export const assertSupported = (config: GatewayConfig, ability: Ability = PLAIN): void => {
  const { tier, kv, ca, publicSocket } = config;
  const issues: ConfigIssue[] = [];
  const refuse = (path: string, value: string, others: readonly string[]): void =>
    void issues.push({ path, message: `this runtime has no ${value}`, expected: others.join(' or ') });
  if (!ability.tiers.includes(tier)) refuse('tier', `tier ${tier}`, ability.tiers);
  if (!ability.kv.includes(kv.type)) {
    // A Valkey of one's own is reached through the bridge, which speaks the protocol of `upstash`.
    const others = ability.kv.map((type) =>
      type === 'upstash'
        ? 'upstash, which is Upstash or the bridge over a Valkey (docs/reference/key-value.md)'
        : type,
    );
    refuse('kv.type', `${kv.type} adapter`, others);
  }
  if (!ability.ca.includes(ca.type)) refuse('ca.type', `${ca.type} adapter`, ability.ca);
  if (publicSocket !== null && !ability.publicSocket)
    refuse('listen.public.socket', 'public socket', ['host and port']);
  if (config.alertWebhookUrl !== null && ability.alertWebhook !== true)
    refuse('alerts.webhook_url', 'alert webhook', ['the log lines with `alert`']);
  if (config.telemetry !== null && ability.telemetry !== true)
    refuse('telemetry', 'telemetry', [
      'telemetry.disabled (OTEL_SDK_DISABLED=true), and what the platform has of its own',
    ]);
  if (issues.length > 0)
    throw new ConfigError(issues, 'This runtime of the gateway cannot start that configuration:');
};
