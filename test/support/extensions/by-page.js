/** A guard that refuses the pages of a browser: those with a token as it asks for, others with a status and a sentence of its own. */
export class ByPage {
  canActivate(context) {
    const { headers } = context.switchToHttp().getRequest();
    if (headers.authorization === 'Bearer no') return false;
    throw Object.assign(new Error('Only members of the club may connect.'), {
      status: headers.authorization === undefined ? 402 : 403,
    });
  }
}
