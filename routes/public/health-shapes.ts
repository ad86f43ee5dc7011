import { z } from 'zod';
import { HEALTH_CHECKS, HEALTH_CODES } from '../../domain/status/health-texts.ts';
import type { HealthFinding } from '../../domain/status/health.ts';

export const light = z.enum(['green', 'yellow', 'red']);

/** One thing that is wrong with a gateway. */
export const findingShape = z.strictObject({
  code: z.enum(HEALTH_CODES),
  check: z.enum(HEALTH_CHECKS),
  status: light,
  message: z.string(),
  cure: z.string().meta({ description: 'What the operator does about it.' }),
});

export const showFinding = ({
  code,
  check,
  status,
  message,
  cure,
}: HealthFinding): z.infer<typeof findingShape> => ({ code, check, status, message, cure });
