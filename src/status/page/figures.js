import { bytes, count, short } from './format.js';

/** @typedef {import('./window.js').Sample} Sample */
/** @typedef {import('./format.js').Shown} Shown */
/**
 * What a chart shows.
 * @typedef {object} Figure
 * @property {string} name of the figure in a sample
 * @property {string} title
 * @property {(figure: number) => Shown} show formats the figure
 * @property {number} reach the smallest upper end of the scale
 * @property {(sample: Sample, heapLimit: number) => string} beside text next to the current figure
 */

/** @type {(unit: string) => (figure: number) => Shown} */
const a = (unit) => (figure) => [short(figure), unit];

/** @param {number} figure */
const size = (figure) => bytes(figure).join(' ');

/** The charts, in order. @type {readonly Figure[]} */
export const FIGURES = [
  {
    name: 'connections',
    title: 'Connections',
    show: (figure) => [count(figure), ''],
    reach: 4,
    beside: ({ subscriptions, refused }) => `${count(subscriptions)} subscriptions · ${short(refused)}/s refused`,
  },
  {
    name: 'messages',
    title: 'Messages received',
    show: a('/s'),
    reach: 2,
    beside: ({ bytesIn }) => `${size(bytesIn)}/s from peers`,
  },
  {
    name: 'deliveries',
    title: 'Deliveries',
    show: a('/s'),
    reach: 2,
    beside: ({ bytesOut }) => `${size(bytesOut)}/s to peers`,
  },
  {
    name: 'lonelyTopics',
    title: 'Lonely topics',
    show: (figure) => [count(figure), ''],
    reach: 4,
    beside: ({ topics, records }) => `of ${count(topics)} topics · ${count(records)} records`,
  },
  {
    name: 'delay',
    title: 'Event-loop delay',
    show: a('ms'),
    reach: 4,
    beside: ({ processors }) => `99th percentile · CPU ${Math.round(processors * 100)} %`,
  },
  {
    name: 'heap',
    title: 'Heap',
    show: bytes,
    reach: 40e6,
    beside: ({ resident }, heapLimit) => `limit ${size(heapLimit)} · process ${size(resident)}`,
  },
];
