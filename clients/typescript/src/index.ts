/** The client for Node.js. */

export * from "./client.js";
export { connect, type Connection, type ConnectOptions } from "./node.js";
