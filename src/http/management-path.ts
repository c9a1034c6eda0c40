import { randomUUID } from 'node:crypto';

/**
 * What the paths of the management address begin with inside Nest, so that `/` may be one thing there and another in public.
 * The listener puts it in front of what came there. Nobody asks for it in public: the public listener finds nothing below it, and
 * nobody can guess it either, should the two ever read a path differently.
 */
export const MANAGEMENT = `management-${randomUUID()}`;
