const asked = [];

class Guard {
  canActivate(context) {
    asked.push(this.constructor.name);
    const { headers } = context.switchToHttp().getRequest();
    if (headers['x-report'] === 'yes') throw Object.assign(new Error(asked.join(', ')), { status: 418 });
    return headers['x-refused-by'] !== this.constructor.name;
  }
}

export class BBB extends Guard {}
export class AAA extends Guard {}
export const NOTHING_OF_A_GUARD = 7;
