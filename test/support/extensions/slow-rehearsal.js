/** A guard that never answers requests for /check/auth, and lets everyone else in. */
export class SlowRehearsal {
  canActivate(context) {
    const { url } = context.switchToHttp().getRequest();
    return url === '/check/auth' ? new Promise(() => undefined) : true;
  }
}
