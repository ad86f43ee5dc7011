import type { Mac } from '../../../domain/paging/cursor.ts';
import type { Random } from '../../../domain/ports/basics.ts';
import { isMarkedText, newMarkedText } from '../../kernel/token-mark.ts';

const LABEL = 'mosaic-enrollment-token-1';

/** New enrollment token, shown once: 43 characters of base64url that bear this gateway's mark. */
export const newEnrollmentToken = (random: Random, mac: Mac): string => newMarkedText(LABEL, random, mac);

/**
 * Whether this gateway made the token. Those of earlier versions, and those made before the gateway's key was lost, bear no mark
 * that counts: they can be redeemed all the same, within the limits of strangers.
 */
export const isMarkedEnrollmentToken = (text: string, mac: Mac): boolean => isMarkedText(LABEL, text, mac);
