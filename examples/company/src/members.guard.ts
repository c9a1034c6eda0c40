import { ForbiddenException, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { upgradeOf } from 'cairn-signal';
import { Suspensions } from './suspensions.module.js';

/**
 * Lets in whoever has the role "peer" and is not suspended. While Redis is away it lets in nobody: what it throws then
 * is answered with 503.
 */
@Injectable()
export class MembersGuard implements CanActivate {
  constructor(private readonly suspensions: Suspensions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { principal, credential } = upgradeOf(context);
    if (!rolesIn(credential?.proof.claims).includes('peer')) {
      throw new ForbiddenException('Ask the help desk for the role "peer".');
    }
    if (principal === undefined || (await this.suspensions.has(principal))) {
      throw new ForbiddenException('This account is suspended.');
    }
    return true;
  }
}

/** The roles of the realm. Only the issuer knows the types of its claims, so this takes nothing for granted. */
function rolesIn(claims: Readonly<Record<string, unknown>> | undefined): readonly unknown[] {
  const roles = (claims?.realm_access as { roles?: unknown } | undefined)?.roles;
  return Array.isArray(roles) ? roles : [];
}
