// What the page uses of the client. The build makes one file of it, which the page loads as client.js.
export { connect } from 'cairn-signal-client';
export { connectPeer } from 'cairn-signal-client/rtc';
