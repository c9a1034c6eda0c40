import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExpiryList } from '../../../src/clock/expiry-list.js';
import type { CloseReason } from '../../../src/protocol/close-codes.js';
import { Heartbeat } from '../../../src/transport/heartbeat.js';
import type { Pulse } from '../../../src/transport/heartbeat.js';
import { ManualClock } from '../../support/manual-clock.js';

/** A peer that is silent unless a test says otherwise. */
class SilentPulse implements Pulse {
  heard = false;
  paused = false;
  mute = false;
  checkAt = 0;
  previous: Pulse | undefined;
  next: Pulse | undefined;
  list: ExpiryList<Pulse> | undefined;
  pings = 0;
  closed: CloseReason | undefined;
  spared = false;

  ping(): void {
    this.pings += 1;
  }

  spare(): void {
    this.spared = true;
  }

  keep(): void {
    this.spared = false;
  }

  close(reason: CloseReason): void {
    this.closed = reason;
  }
}

describe('heartbeat', () => {
  let clock: ManualClock;
  let heartbeat: Heartbeat;
  let pulse: SilentPulse;

  /** Lets time pass, and every connection that is due be checked. */
  function pass(milliseconds: number): void {
    clock.pass(milliseconds);
    while (heartbeat.check(10));
  }

  beforeEach(() => {
    clock = new ManualClock();
    heartbeat = new Heartbeat({ pingInterval: 25_000, pongTimeout: 20_000 }, clock);
    pulse = new SilentPulse();
    heartbeat.add(pulse);
  });

  it('pings after ping-interval of silence, not a moment before', () => {
    pass(24_999);
    expect(pulse.pings).toBe(0);
    pass(1);
    expect(pulse.pings).toBe(1);
  });

  it('4009: closes after pong-timeout without a sign of life, not a moment before, and names the setting', () => {
    pass(25_000);
    pass(19_999);
    expect(pulse.closed).toBeUndefined();
    pass(1);
    expect(pulse.closed).toMatchObject({ code: 4009, text: 'no pong within 20 s; the setting is pong-timeout' });
    pass(100_000);
    expect(pulse.pings).toBe(1);
  });

  it('takes any traffic as a sign of life, and pings again only after silence', () => {
    for (let i = 0; i < 10; i++) {
      pulse.heard = true;
      pass(25_000);
    }
    expect(pulse.pings).toBe(0);
    pass(25_000);
    pulse.heard = true;
    pass(20_000);
    expect([pulse.pings, pulse.closed]).toEqual([1, undefined]);
    pass(25_000);
    expect(pulse.pings).toBe(2);
  });

  it('spares a mute one that does not answer, and goes on pinging it at every ping-interval', () => {
    pulse.mute = true;
    pass(25_000);
    pass(19_999);
    expect([pulse.pings, pulse.spared]).toEqual([1, false]);
    pass(1);
    expect([pulse.pings, pulse.spared]).toEqual([2, true]);
    for (let i = 0; i < 100; i++) pass(25_000);
    expect([pulse.pings, pulse.spared, pulse.closed]).toEqual([102, true, undefined]);
  });

  it('keeps a mute one for itself once it is heard again, and spares it again after silence', () => {
    pulse.mute = true;
    pass(25_000);
    pass(20_000);
    pulse.heard = true;
    pass(25_000);
    expect([pulse.pings, pulse.spared]).toEqual([2, false]);
    pass(25_000);
    pass(20_000);
    expect([pulse.pings, pulse.spared, pulse.closed]).toEqual([4, true, undefined]);
  });

  it('4009: judges one that turned out not to be mute as any other', () => {
    pulse.mute = true;
    pass(25_000);
    pass(20_000);
    pulse.mute = false;
    pulse.heard = true;
    pass(25_000);
    pass(25_000);
    pass(20_000);
    expect([pulse.spared, pulse.closed?.code]).toEqual([false, 4009]);
  });

  it('forgets a connection that was removed, pinged or not', () => {
    heartbeat.remove(pulse);
    pass(100_000);
    expect(pulse.pings).toBe(0);
    heartbeat.add(pulse);
    pass(25_000);
    heartbeat.remove(pulse);
    heartbeat.remove(pulse);
    pass(100_000);
    expect(pulse.closed).toBeUndefined();
    pulse.mute = true;
    heartbeat.add(pulse);
    pass(25_000);
    pass(20_000);
    heartbeat.remove(pulse);
    const { pings } = pulse;
    pass(100_000);
    expect(pulse.pings).toBe(pings);
  });

  it('does not ping 50,000 connections in one turn', () => {
    const many = Array.from({ length: 50_000 }, () => new SilentPulse());
    for (const one of many) heartbeat.add(one);
    clock.pass(25_000);
    let steps = 0;
    let pinged = 0;
    for (let more = true; more; steps++) {
      more = heartbeat.check(500);
      const now = many.filter((one) => one.pings > 0).length;
      expect(now - pinged).toBeLessThanOrEqual(500);
      pinged = now;
    }
    expect(pinged).toBe(50_000);
    expect(steps).toBeGreaterThan(99);
  });
});
