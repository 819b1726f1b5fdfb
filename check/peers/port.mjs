/** Has a program with a port of its own listen where PORT says: `node --import ./port.mjs …` */
import { Server } from 'node:net';

const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, typeof port === 'number' ? Number(process.env.PORT) : port, ...rest);
};
