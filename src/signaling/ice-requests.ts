import { Injectable } from '@nestjs/common';
import type { Connection } from '../connection/connection.js';
import { IceDesk } from '../ice/ice-desk.js';
import { isIssued } from '../ice/ice-servers.js';
import type { Told } from '../ice/ice-servers.js';
import type { IceServersRequest } from '../protocol/request.js';
import { iceServers } from '../protocol/response.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import { Answers } from './answers.js';

/**
 * Answers IceServers (V11). Owns nothing. Does not know where ICE servers come from.
 * Invariant: while an answer takes its time, the connection's next message waits (V2), and nobody else's does.
 */
@Injectable()
export class IceRequests {
  constructor(
    private readonly desk: IceDesk,
    private readonly answers: Answers,
  ) {}

  answer(connection: Connection, request: IceServersRequest): void {
    const told = this.desk.ask(connection);
    if (told instanceof Promise) connection.hold(told.then((late) => this.#tell(connection, request, late)));
    else this.#tell(connection, request, told);
  }

  #tell(connection: Connection, { id }: IceServersRequest, told: Told): void {
    // It may have gone meanwhile.
    if (!connection.open) return;
    if (isIssued(told)) connection.send(binaryFrame(iceServers(id, told.ttl, told.servers)));
    else this.answers.failed(connection, { id }, told);
    this.desk.told(told, 'v2', connection);
  }
}
