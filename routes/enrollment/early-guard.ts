import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { MosaicError } from '../../domain/errors.ts';
import type { Deps } from '../../src/app/deps.ts';
import { isMarkedEnrollmentToken } from '../../src/inbound/enrollment/enrollment-token.ts';
import { createKeyedLimit } from '../../src/kernel/early-limit.ts';
import { hashText } from '../../src/kernel/mac.ts';
import { addressBucket } from '../../src/kernel/address-bucket.ts';
import type { ClientAddressSource } from '../http/client-address.ts';
import type { AppEnv } from '../http/http.ts';
import { bytesOf } from '../http/validate.ts';
import { guard } from '../openapi/describe.ts';

/** Twice what the replicas’ common limits let pass (src/kernel/redeem-limits.ts). */
const OF_ADDRESS = { capacity: 480, refillPerSecond: 4 } as const;
const OF_TOKEN = { capacity: 240, refillPerSecond: 2 } as const;

/**
 * The longest body that is read when the address has nothing left, to look for a token of ours in it. Token and request fit up to RSA
 * with 8,192 bits.
 */
const SMALL_BODY_BYTES = 4_096;

/** The token in the text of a body. Nothing is parsed, so that looking costs the same whatever was sent. */
const TOKEN = /"token"\s*:\s*"([\w-]{43})"/;

const refusingLargeBodies = (refusal: MosaicError): MiddlewareHandler<AppEnv> =>
  bodyLimit({
    maxSize: SMALL_BODY_BYTES,
    onError: () => {
      throw refusal;
    },
  });

/**
 * Limits redemptions in this process before their body is parsed, by address. When the address has nothing left, a small body is read:
 * if it holds a token that this gateway made, that token is counted by itself, so that whoever makes tokens up keeps nobody from
 * redeeming a real one. Everything else is refused at once.
 */
export const earlyGuard = (deps: Deps, addressOf: ClientAddressSource): MiddlewareHandler<AppEnv> => {
  const refusalOfAddress = createKeyedLimit(deps, 'address', OF_ADDRESS);
  const refusalOfToken = createKeyedLimit(deps, 'token', OF_TOKEN);
  return guard<MiddlewareHandler<AppEnv>>(
    (c, next) => {
      const address = addressOf(c);
      const refusal = address === null ? null : refusalOfAddress(addressBucket(address));
      if (refusal === null) return next();
      return refusingLargeBodies(refusal)(c, async () => {
        const token = TOKEN.exec(new TextDecoder().decode(await bytesOf(c)))?.[1];
        if (token === undefined || !isMarkedEnrollmentToken(token, deps.keys.cursorMac)) throw refusal;
        const refusalOfItsOwn = refusalOfToken(hashText(token));
        if (refusalOfItsOwn !== null) throw refusalOfItsOwn;
        await next();
      });
    },
    ['rate_limited'],
  );
};
