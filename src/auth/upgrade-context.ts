import type { ExecutionContext, Type } from '@nestjs/common';
import type { UpgradeRequest } from './upgrade-request.js';

type HttpHost = ReturnType<ExecutionContext['switchToHttp']>;
type RpcHost = ReturnType<ExecutionContext['switchToRpc']>;
type WsHost = ReturnType<ExecutionContext['switchToWs']>;

/**
 * What guards are given about an upgrade, as Nest gives it to the guards of plain requests: its arguments are the request
 * and the response. One object, where Nest's own makes three functions each time that a guard looks at the request.
 * Callers name the types of what they get; here they are `never`, which is all of them.
 */
export class UpgradeContext implements ExecutionContext, HttpHost, RpcHost, WsHost {
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

  switchToHttp(): HttpHost {
    return this;
  }

  switchToRpc(): RpcHost {
    return this;
  }

  switchToWs(): WsHost {
    return this;
  }

  getRequest(): never {
    return this.request as never;
  }

  getResponse(): never {
    return this.request.res as never;
  }

  getNext(): never {
    return undefined as never;
  }

  getData(): never {
    return this.getRequest();
  }

  getContext(): never {
    return this.getResponse();
  }

  getClient(): never {
    return this.getRequest();
  }

  getPattern(): never {
    return this.getResponse();
  }
}
