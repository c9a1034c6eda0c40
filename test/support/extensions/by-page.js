/** A guard that refuses web pages: with the status in the token, or with its own status and sentence. */
export class ByPage {
  canActivate(context) {
    const { headers } = context.switchToHttp().getRequest();
    if (headers.authorization === 'Bearer no') return false;
    throw Object.assign(new Error('Only members of the club may connect.'), {
      status: headers.authorization === undefined ? 402 : 403,
    });
  }
}
