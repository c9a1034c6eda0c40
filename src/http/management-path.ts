import { randomUUID } from 'node:crypto';

/**
 * Prefix of the management paths inside Nest. With it, `/` can mean one thing on the management address and another in
 * public. The management listener puts it in front of every path. The public listener answers nothing below it. It is
 * random too, so nobody can guess it, should the two listeners ever read a path differently.
 */
export const MANAGEMENT = `management-${randomUUID()}`;
