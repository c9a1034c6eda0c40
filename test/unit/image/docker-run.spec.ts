import { describe, expect, it } from '@jest/globals';
import { documentedRuns, readRun, runOfService } from '../../../scripts/image/docker-run.mjs';

describe('a docker run line', () => {
  it('is read with every flag that our documents use', () => {
    const line =
      '-d --rm --name signal --read-only --cap-drop=ALL --security-opt no-new-privileges:true -p 443:8443 ' +
      '-p127.0.0.1:80:8080 -e A=b=c --env=D= --env-file .env -m 1g -v /path/to/certs:/certs:ro --volume=./turn:/turn ' +
      'ghcr.io/moukrea/cairn-signal:1.2 --log-level debug';
    expect(readRun(line.split(' '))).toEqual({
      detach: true,
      remove: true,
      readOnly: true,
      name: 'signal',
      memory: 2 ** 30,
      ports: [
        { address: '0.0.0.0', host: 443, container: 8443 },
        { address: '127.0.0.1', host: 80, container: 8080 },
      ],
      env: { A: 'b=c', D: '' },
      envFiles: ['.env'],
      volumes: [
        { source: '/path/to/certs', target: '/certs', readOnly: true },
        { source: './turn', target: '/turn', readOnly: false },
      ],
      image: 'ghcr.io/moukrea/cairn-signal:1.2',
      args: ['--log-level', 'debug'],
    });
  });

  it.each([
    ['--privileged cairn-signal', 'docker run: the flag --privileged is not known here'],
    ['--user 0 cairn-signal', 'docker run: the flag --user is not known here'],
    ['-it cairn-signal', 'docker run: the flag -i is not known here'],
    ['-toString cairn-signal', 'docker run: the flag -t is not known here'],
    ['--rm=yes cairn-signal', 'docker run: --rm takes no value'],
    ['cairn-signal-other', 'docker run: the image is not ours: cairn-signal-other'],
    ['nats:2', 'docker run: the image is not ours: nats:2'],
    ['-p 443 cairn-signal', 'docker run: -p 443: expected HOST:CONTAINER'],
    ['-p 443:443/udp cairn-signal', 'docker run: -p 443:443/udp: expected HOST:CONTAINER'],
    ['-v certs:/certs cairn-signal', 'docker run: -v certs:/certs: expected PATH:/PATH, and ro or rw'],
    ['-v /certs:/certs:z cairn-signal', 'docker run: -v /certs:/certs:z: expected PATH:/PATH, and ro or rw'],
    ['-e TOKEN cairn-signal', 'docker run: -e TOKEN: expected NAME=VALUE'],
    ['-m much cairn-signal', 'docker run: -m much: expected a size such as 1g'],
    ['--cap-drop NET_RAW cairn-signal', 'docker run: --cap-drop NET_RAW is not known here'],
    [
      '--security-opt seccomp=unconfined cairn-signal',
      'docker run: --security-opt seccomp=unconfined is not known here',
    ],
    ['--name', 'docker run: --name needs a value'],
  ])('%s cannot be read', (line, fault) => {
    expect(() => readRun(line.split(' '))).toThrow(new Error(fault));
  });
});

describe('the docker run lines of a document', () => {
  it('are found in blocks, quotes and comments', () => {
    const text = `
\`\`\`sh
docker build -t cairn-signal .
docker run -d \\
  -p 443:443 \\
  -e "A=b c" cairn-signal   # a comment
\`\`\`
Give it more: \`docker run -e A=1
-m 1g ...\`; and then \`docker run cairn-signal\`.
# Use docker run --env-file .env
docker running is no command.
`;
    expect(documentedRuns(text)).toEqual([
      { line: 4, words: ['-d', '-p', '443:443', '-e', 'A=b c', 'cairn-signal'] },
      { line: 8, words: ['-e', 'A=1', '-m', '1g'] },
      { line: 9, words: ['cairn-signal'] },
      { line: 10, words: ['--env-file', '.env'] },
    ]);
  });

  it.each([
    '-e A=$TOKEN cairn-signal',
    '-e "A=$(cat token)" cairn-signal',
    'cairn-signal && echo',
    'cairn-signal >log',
    "-e 'A",
  ])('with more than plain words, such as %s, cannot be read', (line) => {
    expect(() => documentedRuns(`docker run ${line}`)).toThrow('docker run: more than plain words');
  });
});

describe('a service of a compose file', () => {
  it('is a docker run line', () => {
    const service = {
      build: '.',
      image: 'cairn-signal',
      restart: 'always',
      stop_grace_period: '15s',
      ports: ['443:443'],
      environment: { A: '${A:?set it}', B: null, C: null, D: 1 },
      volumes: ['./certs:/certs:ro'],
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      command: ['--x'],
    };
    const line =
      '-p 443:443 -e A=1 -e C=3 -e D=1 -v ./certs:/certs:ro --read-only --cap-drop ALL --security-opt no-new-privileges:true cairn-signal --x';
    expect(runOfService(service, { A: '1', C: '3' }).join(' ')).toBe(line);
    expect(() => runOfService({ ...service, privileged: true }, { A: '1' })).toThrow(
      'the key privileged of a service is not known',
    );
    expect(() => runOfService(service, {})).toThrow('.env has no A');
  });
});
