import type { ExecutionContext, Type } from '@nestjs/common';
import type { UpgradeRequest } from './upgrade-request.js';

type HttpHost = ReturnType<ExecutionContext['switchToHttp']>;
type RpcHost = ReturnType<ExecutionContext['switchToRpc']>;
type WsHost = ReturnType<ExecutionContext['switchToWs']>;

/**
 * What guards are given about an upgrade, as Nest gives it to the guards of plain requests: its arguments are the request
 * and the response. One object, where Nest's own makes three functions each time that a guard looks at the request.
 */
export class UpgradeContext implements ExecutionContext, HttpHost, RpcHost, WsHost {
  constructor(
    private readonly request: UpgradeRequest,
    private readonly gateway: Type<object>,
    private readonly handler: () => void,
  ) {}

  getClass<T>(): Type<T> {
    return this.gateway as Type<T>;
  }

  getHandler(): () => void {
    return this.handler;
  }

  getType<T extends string>(): T {
    return 'http' as T;
  }

  getArgs<T extends unknown[]>(): T {
    return [this.request, this.request.res] as unknown[] as T;
  }

  getArgByIndex<T>(index: number): T {
    return this.getArgs()[index] as T;
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

  getRequest<T>(): T {
    return this.request as T;
  }

  getResponse<T>(): T {
    return this.request.res as T;
  }

  getNext<T>(): T {
    return undefined as T;
  }

  getData<T>(): T {
    return this.request as T;
  }

  getContext<T>(): T {
    return this.request.res as T;
  }

  getClient<T>(): T {
    return this.request as T;
  }

  getPattern(): string {
    return this.request.res as unknown as string;
  }
}
