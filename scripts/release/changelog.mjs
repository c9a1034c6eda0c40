import { ReleaseFault } from './version.mjs';

const UNRELEASED = '## Unreleased';

/**
 * What a changelog says of a version, without the heading.
 * @param {string} text of the changelog
 * @param {string} version
 * @throws ReleaseFault if it is not there, there twice, or empty
 */
export function sectionOf(text, version) {
  const sections = sectionsOf(text).filter(({ name }) => name === version);
  if (sections.length !== 1) {
    throw new ReleaseFault(
      `the changelog has ${sections.length === 0 ? 'no' : 'more than one'} section "## ${version} - DATE"`,
    );
  }
  const body = sections[0].body.trim();
  if (body === '') throw new ReleaseFault(`the changelog says nothing of ${version}`);
  return body;
}

/**
 * Makes what is unreleased the section of a version, and begins an empty one.
 * @param {string} text of the changelog
 * @param {string} version
 * @param {string} date as 2026-01-31
 * @throws ReleaseFault
 */
export function promote(text, version, date) {
  const sections = sectionsOf(text);
  const [first] = sections;
  if (first?.name !== 'Unreleased') throw new ReleaseFault(`the changelog does not begin with "${UNRELEASED}"`);
  if (first.body.trim() === '') throw new ReleaseFault('the changelog has nothing that is unreleased');
  if (sections.some(({ name }) => name === version)) {
    throw new ReleaseFault(`the changelog has a section of ${version} already`);
  }
  return text.replace(UNRELEASED, () => `${UNRELEASED}\n\n## ${version} - ${date}`);
}

function sectionsOf(text) {
  return text
    .split(/^(?=## )/m)
    .slice(1)
    .map((section) => {
      const [heading] = section.split('\n', 1);
      return { name: heading.slice(3).split(' - ')[0].trim(), body: section.slice(heading.length) };
    });
}
