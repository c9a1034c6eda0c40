import { bearerToken, filePath, hostNames, listenAddress } from './values.js';

/** The part of the table of settings that is about the management address. */
export const managementSettings = {
  managementAddr: listenAddress.optional().meta({
    about:
      'Address of health, metrics and the status page, in plaintext and without a token. ' +
      'Only operators should reach it. By default there is none.',
  }),
  managementHosts: hostNames.optional().meta({
    about:
      'Host names by which clients may ask for management-addr, besides localhost, IP addresses and its own ' +
      'name. Other names are answered 421. By default this applies on loopback only, and any name is accepted ' +
      'elsewhere.',
  }),
  managementToken: bearerToken.optional().meta({
    about:
      'Bearer token for orders to management-addr, such as "cairn-signal disconnect". Without it, nobody can give any. ' +
      'All nodes of a service need the same one.',
  }),
  managementTokenFile: filePath.optional().meta({
    about: 'File of the bearer token for orders, in place of management-token. Read again when it changes.',
  }),
};
