import 'reflect-metadata';
import { ForbiddenException, Injectable, Module, SetMetadata, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { CustomGuards } from '../../../src/auth/custom-guards.js';
import { UpgradeGuards } from '../../../src/auth/upgrade-guards.js';
import type { UpgradeRequest } from '../../../src/auth/upgrade-request.js';
import { Clock, SystemClock } from '../../../src/clock/clock.js';

/** Records that it was asked. Decides by the request, asynchronously. */
@Injectable()
class ByHeader implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<UpgradeRequest>();
    await Promise.resolve();
    return request.headers['x-allowed'] === 'yes';
  }
}

@Injectable()
class ByMetadata implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    return this.reflector.get<string>('audience', context.getHandler()) === 'peers';
  }
}

@Injectable()
class Broken implements CanActivate {
  canActivate(): boolean {
    throw new TypeError('a bug');
  }
}

@Injectable()
@UseGuards(ByHeader)
class OnClass {
  handleConnection(): void {
    // Nothing.
  }
}

@Injectable()
class OnMethod {
  @UseGuards(ByHeader)
  handleConnection(): void {
    // Nothing.
  }
}

@Injectable()
@UseGuards(ByMetadata)
class WithMetadata {
  @SetMetadata('audience', 'peers')
  handleConnection(): void {
    // Nothing.
  }
}

@Injectable()
@UseGuards(Broken)
class Faulty {}

/** Takes the place of another gateway, and brings its guards. */
@Injectable()
class InItsPlace extends OnClass {}

@Injectable()
class Replaced {}

@Module({
  providers: [
    { provide: Replaced, useClass: InItsPlace },
    OnClass,
    OnMethod,
    WithMetadata,
    Faulty,
    UpgradeGuards,
    { provide: CustomGuards, useValue: undefined },
    { provide: Clock, useClass: SystemClock },
  ],
})
class TestModule {}

/** Runs the guards of a gateway over a request with these headers. */
async function ask(gateway: new () => object, headers: Record<string, string> = {}): Promise<void> {
  const app = await NestFactory.createApplicationContext(TestModule, { logger: false });
  try {
    await app.get(UpgradeGuards).of(app.get(gateway))({ headers } as unknown as UpgradeRequest);
  } finally {
    await app.close();
  }
}

describe('guards at the upgrade', () => {
  it.each([
    ['on the class', OnClass],
    ['on handleConnection', OnMethod],
  ])('%s decide, asynchronously too', async (_where, gateway) => {
    await expect(ask(gateway, { 'x-allowed': 'yes' })).resolves.toBeUndefined();
    await expect(ask(gateway)).rejects.toThrow(ForbiddenException);
  });

  it('of a gateway that takes the place of another decide', async () => {
    await expect(ask(Replaced, { 'x-allowed': 'yes' })).resolves.toBeUndefined();
    await expect(ask(Replaced)).rejects.toThrow(ForbiddenException);
  });

  it('stop the start where nobody could find them', async () => {
    const app = await NestFactory.createApplicationContext(TestModule, { logger: false });
    try {
      expect(() => app.get(UpgradeGuards).of(new OnClass())).toThrow('no module provides this gateway');
    } finally {
      await app.close();
    }
  });

  it('can read the metadata of handleConnection', async () => {
    await expect(ask(WithMetadata)).resolves.toBeUndefined();
  });

  it('let nobody in when they throw', async () => {
    await expect(ask(Faulty)).rejects.toThrow('a bug');
  });
});
