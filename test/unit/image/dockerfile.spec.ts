import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { configOf, copiesOf, readDockerfile } from '../../../scripts/image/dockerfile.mjs';

interface Copy {
  from?: string;
  sources: string[];
  to: string;
  mode?: string;
}

const dockerfile = readFileSync(new URL('../../../Dockerfile', import.meta.url), 'utf8');
const config = (text: string, base: object = {}): unknown => configOf(readDockerfile(text).at(-1), base);
/** Our Dockerfile with a change. Fails when the change is none. */
const changed = (from: string | RegExp, to: string): string => {
  const text = dockerfile.replace(from, to);
  if (text === dockerfile) throw new Error(`the Dockerfile has no ${String(from)}`);
  return text;
};

/** What others rely on: manifests, compose files, mounted keys, docs. Labels may come and go. */
const PROMISED = {
  User: '65532:65532',
  ExposedPorts: { '443/tcp': {}, '8443/tcp': {} },
  Env: ['NODE_ENV=production'],
  Entrypoint: ['/nodejs/bin/node', '/app/dist/main.js'],
  WorkingDir: '/app',
  StopSignal: 'SIGTERM',
  Healthcheck: {
    Test: ['CMD', '/nodejs/bin/node', '/app/dist/main.js', 'healthcheck'],
    Interval: 30e9,
    Timeout: 5e9,
    StartPeriod: 5e9,
    Retries: 3,
  },
};

describe('the Dockerfile', () => {
  it('makes an image that is as promised', () => {
    const { Labels, ...rest } = config(dockerfile) as { Labels: unknown };
    expect(rest).toEqual(PROMISED);
    expect(Labels).toMatchObject({ 'org.opencontainers.image.title': 'cairn-signal' });
  });

  it.each([
    ['no user', /^USER .*$/m, ''],
    ['another user', 'USER 65532:65532', 'USER root'],
    ['a port less', 'EXPOSE 443 8443', 'EXPOSE 443'],
    ['no environment', /^ENV .*$/m, ''],
    ['no entry point', /^ENTRYPOINT .*$/m, ''],
    ['another folder', /^WORKDIR \/app$/gm, 'WORKDIR /srv'],
    ['another signal', 'STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGINT'],
    ['another health check', 'timeout=5s', 'timeout=6s'],
    ['no health check', 'CMD ["/nodejs/bin/node", "/app/dist/main.js", "healthcheck"]', 'NONE'],
  ])('with %s, is not as promised', (_what, from, to) => {
    expect(config(changed(from, to))).not.toMatchObject(PROMISED);
  });

  it('has the command on PATH, and a configuration to start from', () => {
    const copies = copiesOf(readDockerfile(dockerfile).at(-1)) as Copy[];
    expect(copies).toContainEqual(
      expect.objectContaining({ sources: ['scripts/image-command'], to: '/usr/local/bin/cairn-signal', mode: '755' }),
    );
    expect(copies).toContainEqual(
      expect.objectContaining({ sources: ['config/production.yaml'], to: '/app/config/production.yaml' }),
    );
  });

  it('may have digests, build arguments and labels made of them', () => {
    const text = changed(/^FROM (gcr\S+)$/m, `FROM $1@sha256:${'0'.repeat(64)}\nARG VERSION=\nARG REVISION`)
      .replace(/^(FROM \S+) node/m, 'ARG BASE=node\n$1 ${BASE}')
      .replace(
        'LABEL ',
        'LABEL org.opencontainers.image.version="$VERSION" org.opencontainers.image.revision=${REVISION:-none} ',
      );
    expect(config(text)).toMatchObject({
      ...PROMISED,
      Labels: { 'org.opencontainers.image.version': '', 'org.opencontainers.image.revision': 'none' },
    });
    const stages = readDockerfile(text, { VERSION: '1.2.3 $x' }) as { image: string; name?: string }[];
    expect(configOf(stages.at(-1), {})).toMatchObject({ Labels: { 'org.opencontainers.image.version': '1.2.3 $x' } });
    expect(stages.map(({ image, name }) => [image, name])).toEqual([
      ['node:24-bookworm-slim', 'build'],
      [`gcr.io/distroless/nodejs24-debian12@sha256:${'0'.repeat(64)}`, undefined],
    ]);
  });
});

describe('a Dockerfile', () => {
  it.each([
    ['FROM a\nADD x /x', 'Dockerfile:2: the instruction ADD is not known here'],
    ['FROM a\nVOLUME /data', 'Dockerfile:2: the instruction VOLUME is not known here'],
    ['FROM a\nONBUILD RUN x', 'Dockerfile:2: the instruction ONBUILD is not known here'],
    ['FROM a\nUSERS 1', 'Dockerfile:2: the instruction USERS is not known here'],
    ['FROM a\n\n# toString\ntoString 1', 'Dockerfile:4: the instruction TOSTRING is not known here'],
    ['FROM a\nCOPY --chown=1:1 x /x', 'Dockerfile:2: COPY --chown is not known here'],
    ['FROM a\nCOPY <<EOF /x\nEOF', 'Dockerfile:2: here-documents are not known here'],
    ['FROM a\nCOPY --from=b /x /x', 'Dockerfile:2: there is no stage b'],
    ['FROM a\nCOPY ["x", "/x"]', 'Dockerfile:2: only plain paths can be copied'],
    ['FROM a\nCOPY /x', 'Dockerfile:2: COPY needs what to copy, and where to'],
    ['FROM a\nCOPY --chmod=u+x x /x', 'Dockerfile:2: --chmod=u+x: expected an octal mode'],
    ['FROM a\nRUN x', 'Dockerfile:2: RUN cannot be in the final stage: the image has no shell'],
    [
      'FROM a\nENTRYPOINT node x',
      'Dockerfile:2: ENTRYPOINT needs the form ["program", "argument"]: the image has no shell',
    ],
    [
      'FROM a\nENTRYPOINT []',
      'Dockerfile:2: ENTRYPOINT needs the form ["program", "argument"]: the image has no shell',
    ],
    [
      'FROM a\nHEALTHCHECK CMD x',
      'Dockerfile:2: HEALTHCHECK needs the form ["program", "argument"]: the image has no shell',
    ],
    ['FROM a\nHEALTHCHECK --interval=5 CMD ["x"]', 'Dockerfile:2: expected a time such as 30s instead of 5'],
    ['FROM a\nHEALTHCHECK --retries=0 CMD ["x"]', 'Dockerfile:2: --retries: expected a number'],
    [
      'FROM a\nHEALTHCHECK --start-interval=5s CMD ["x"]',
      'Dockerfile:2: HEALTHCHECK --start-interval is not known here',
    ],
    ['FROM a\nLABEL a="b', 'Dockerfile:2: a quote is open'],
    ['FROM a\nLABEL a', 'Dockerfile:2: LABEL: expected NAME=VALUE instead of a'],
    ['FROM a\nENV A 1', 'Dockerfile:2: ENV: expected NAME=VALUE instead of A'],
    ['FROM a\nLABEL a=$B', 'Dockerfile:2: there is no ARG and no ENV B before'],
    ['ARG B=1\nFROM a\nLABEL a=$B', 'Dockerfile:3: there is no ARG and no ENV B before'],
    ['FROM a\nARG B\nLABEL a=${B%x}', 'Dockerfile:3: the variable in a=${B%x} is not known here'],
    ['FROM a as', 'Dockerfile:1: FROM needs an image, and may have AS and a name'],
    ['FROM a\nUSER', 'Dockerfile:2: USER says nothing'],
    ['FROM a\nUSER 1 \\', 'Dockerfile:2: the last line goes on'],
    ['# escape=`\nFROM a', 'Dockerfile:1: only \\ can continue a line'],
    ['USER 1', 'Dockerfile:1: USER stands before FROM'],
    ['', 'Dockerfile:1: there is no FROM'],
  ])('%j cannot be read', (text, fault) => {
    expect(() => {
      const stage = readDockerfile(text).at(-1);
      configOf(stage, {});
      copiesOf(stage);
    }).toThrow(new Error(fault));
  });

  it('builds on the configuration of its base', () => {
    const base = { Env: ['PATH=/bin', 'A=1'], Cmd: ['x'], Labels: { b: '1' }, WorkingDir: '/', User: '0' };
    expect(config("FROM a\nWORKDIR x\nWORKDIR ../y/\nENV A=2 \\\n # a comment\n  B='$A b'\\ c", base)).toEqual({
      ...base,
      WorkingDir: '/y',
      Env: ['PATH=/bin', 'A=2', 'B=$A b c'],
    });
    expect(config('from a\nentrypoint ["y"]', base)).not.toHaveProperty('Cmd');
    expect(base.Env).toEqual(['PATH=/bin', 'A=1']);
  });

  it('copies files to names, and several to a folder', () => {
    const [one, two] = copiesOf(readDockerfile('FROM a\nWORKDIR /app\nCOPY x ./y\nCOPY x z /w/').at(-1));
    expect([one, two]).toMatchObject([
      { sources: ['x'], to: '/app/y', folder: false },
      { sources: ['x', 'z'], to: '/w', folder: true },
    ]);
  });
});
