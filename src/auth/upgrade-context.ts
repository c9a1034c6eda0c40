import type { ExecutionContext, Type } from '@nestjs/common';
import type { UpgradeRequest } from './upgrade-request.js';

type HttpHost = ReturnType<ExecutionContext['switchToHttp']>;
type RpcHost = ReturnType<ExecutionContext['switchToRpc']>;
type WsHost = ReturnType<ExecutionContext['switchToWs']>;

/**
 * What guards are given about an upgrade, as Nest gives it to the guards of plain requests: its arguments are the request
 * and the response. What it makes, it makes when a guard asks for it: most of the server's own never look.
 * Callers name the types of what they get; here they are `never`, which is all of them.
 */
export class UpgradeContext implements ExecutionContext {
  constructor(
    private readonly request: UpgradeRequest,
    private readonly gateway: Type<object>,
    private readonly handler: () => void,
  ) {}

  getClass(): Type<never> {
    return this.gateway as Type<never>;
  }

  getHandler(): () => void {
    return this.handler;
  }

  getType(): never {
    return 'http' as never;
  }

  getArgs(): never {
    return [this.request, this.request.res] as never;
  }

  getArgByIndex(index: number): never {
    return this.getArgs()[index];
  }

  // Functions of their own, which a guard may take out of the object, as it may take Nest's.

  switchToHttp(): HttpHost {
    const { request } = this;
    return {
      getRequest: () => request as never,
      getResponse: () => request.res as never,
      getNext: () => undefined as never,
    };
  }

  switchToRpc(): RpcHost {
    const { request } = this;
    return { getData: () => request as never, getContext: () => request.res as never };
  }

  switchToWs(): WsHost {
    const { request } = this;
    return {
      getClient: () => request as never,
      getData: () => request.res as never,
      getPattern: () => request.res as never,
    };
  }
}
