import some, { FURTHER } from './jest.config.js';

export default { ...some, projects: [...some.projects, ...FURTHER] };
