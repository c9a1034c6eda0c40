import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeId, Roster } from '../../../src/backplane/roster.js';
import { FirstAnswers } from '../../../src/signaling/elsewhere/first-answers.js';
import { TopicElsewhere } from '../../../src/signaling/elsewhere/topic-elsewhere.js';
import { ManualClock } from '../../support/manual-clock.js';

const [TWO, THREE]: readonly NodeId[] = ['two', 'three'];

describe('V12: the first list of a topic', () => {
  let clock: ManualClock;
  let answers: FirstAnswers;
  let topic: TopicElsewhere;
  /** Whether it was answered, each time that the wait was over. */
  let over: boolean[];

  beforeEach(() => {
    clock = new ManualClock();
    over = [];
    const others = { others: new Map([TWO, THREE].map((node) => [node, {}])) } as unknown as Roster;
    answers = new FirstAnswers(others, clock, (_topic, answered) => over.push(answered));
    topic = new TopicElsewhere('topic');
  });
  afterEach(() => answers.stop());

  /** Time passes, and is looked at. */
  const pass = (milliseconds: number): void => {
    clock.pass(milliseconds);
    answers.step();
  };

  it('is whole when it is told: it waits for every other node', () => {
    answers.begin(topic);
    answers.asked(topic);
    answers.heard(topic, TWO, true);
    expect(over).toEqual([]);
    pass(29);
    answers.heard(topic, THREE, true);
    expect(over).toEqual([true]);
  });

  it('waits for the last part of a node that says it in parts', () => {
    answers.begin(topic);
    answers.asked(topic);
    answers.heard(topic, TWO, true);
    for (let part = 0; part < 5; part++) {
      pass(29);
      answers.heard(topic, THREE, false);
    }
    expect(over).toEqual([]);
    answers.heard(topic, THREE, true);
    expect(over).toEqual([true]);
  });

  it('waits 150 ms for the first node, and 30 ms for another one', () => {
    answers.begin(topic);
    answers.asked(topic);
    pass(149);
    expect(over).toEqual([]);
    answers.heard(topic, TWO, true);
    pass(29);
    expect(over).toEqual([]);
    pass(1);
    expect(over).toEqual([true]);
  });

  it('is told after 1.5 s where the question could not be sent, as not answered', () => {
    answers.begin(topic);
    pass(1499);
    expect(over).toEqual([]);
    pass(1);
    expect(over).toEqual([false]);
  });
});
