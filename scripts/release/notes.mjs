import { sectionOf } from './changelog.mjs';
import { versionOf } from './version.mjs';

/**
 * The notes of a release: what changed, how to get it, and how to verify it.
 * @param {{ tag: string, changelog: string, owner: string, repository: string, digest?: string, bases?: readonly string[] }} of
 *   `digest` of the image, and the images that it was built from, with their digests
 * @throws ReleaseFault
 */
export function notesOf({ tag, changelog, owner, repository, digest, bases = [] }) {
  const { text: version } = versionOf(tag);
  const image = `ghcr.io/${owner}/cairn-signal`;
  const named = digest === undefined ? `${image}:${version}` : `${image}@${digest}`;
  const identity = `https://github.com/${repository}/.github/workflows/release.yml@refs/tags/${tag}`;
  const builtFrom =
    bases.length === 0 ? '' : `\nIt was built from ${bases.map((base) => `\`${base}\``).join(' and ')}.\n`;
  return `${sectionOf(changelog, version)}

## Get it

\`\`\`sh
docker pull ${image}:${version}
helm install cairn-signal oci://ghcr.io/${owner}/charts/cairn-signal --version ${version} -f values.yaml
npm install cairn-signal@${version}
\`\`\`

The Debian packages are below.

## Verify it

The image is signed, and so are its provenance and its bill of materials (\`sbom.cdx.json\` below).
${builtFrom}
\`\`\`sh
cosign verify ${named} \\
  --certificate-identity ${identity} \\
  --certificate-oidc-issuer https://token.actions.githubusercontent.com
gh attestation verify oci://${named} --repo ${repository}
cosign verify-attestation --type cyclonedx ${named} \\
  --certificate-identity ${identity} \\
  --certificate-oidc-issuer https://token.actions.githubusercontent.com
sha256sum --check --ignore-missing SHA256SUMS
\`\`\`
`;
}
