import { describe, expect, it } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { UpgradeContext } from '../../../src/auth/upgrade-context.js';
import type { UpgradeRequest } from '../../../src/auth/upgrade-request.js';

class Gateway {}
const handler = (): void => undefined;
const response = { a: 'response' };
const request = { a: 'request', res: response } as unknown as UpgradeRequest;

describe('what guards are given about an upgrade', () => {
  const ours = new UpgradeContext(request, Gateway, handler);
  const nests = new ExecutionContextHost([request, response], Gateway, handler);

  it.each<[string, (context: UpgradeContext | ExecutionContextHost) => unknown]>([
    ['the class', (context) => context.getClass()],
    ['the handler', (context) => context.getHandler()],
    ['the kind', (context) => context.getType()],
    ['the arguments', (context) => context.getArgs()],
    ['an argument', (context) => [context.getArgByIndex(0), context.getArgByIndex(1), context.getArgByIndex(2)]],
    [
      'of HTTP',
      (context) => [
        context.switchToHttp().getRequest(),
        context.switchToHttp().getResponse(),
        context.switchToHttp().getNext(),
      ],
    ],
    ['of RPC', (context) => [context.switchToRpc().getData(), context.switchToRpc().getContext()]],
    [
      'of WebSockets',
      (context) => [
        context.switchToWs().getClient(),
        context.switchToWs().getData(),
        context.switchToWs().getPattern(),
      ],
    ],
    [
      'taken out of the object',
      (context) => {
        // oxlint-disable-next-line typescript/unbound-method -- as guards do that rely on Nest's
        const { getRequest, getResponse } = context.switchToHttp();
        return [getRequest(), getResponse()];
      },
    ],
  ])('is what Nest gives: %s', (_, look) => {
    expect(look(ours)).toEqual(look(nests));
  });
});
