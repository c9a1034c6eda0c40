/** A guard that imports nothing. */
export class OfficeHours {
  canActivate(context) {
    const { headers, peerAddress, principal } = context.switchToHttp().getRequest();
    if (headers['x-hour'] === 'late') {
      throw Object.assign(new Error('Come back at nine.'), { status: 429, retryAfter: 3600 });
    }
    return headers['x-hour'] !== 'holiday' && peerAddress === '127.0.0.1' && principal === undefined;
  }
}
