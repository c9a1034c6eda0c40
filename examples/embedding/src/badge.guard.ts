import { Injectable, UnauthorizedException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { upgradeOf } from 'cairn-signal';
import { Directory } from './directory.module.js';

/** Lets in peers with a badge that the directory knows, and sets the principal to the name on the badge. */
@Injectable()
export class BadgeGuard implements CanActivate {
  constructor(private readonly directory: Directory) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const upgrade = upgradeOf(context);
    const badge = upgrade.headers['x-badge'];
    const name = typeof badge === 'string' ? await this.directory.nameOf(badge) : undefined;
    if (name === undefined) throw new UnauthorizedException('Show your badge in X-Badge.');
    upgrade.principal = name;
    return true;
  }
}
