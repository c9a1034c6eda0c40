/** Lets peers in from OPENS to CLOSES, in hours of the server's local time. */
export class OfficeHours {
  canActivate() {
    const { OPENS = '9', CLOSES = '17' } = process.env;
    const hour = new Date().getHours();
    if (hour >= Number(OPENS) && hour < Number(CLOSES)) return true;
    throw Object.assign(new Error(`We open at ${OPENS}.`), { status: 403 });
  }
}
