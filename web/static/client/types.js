/**
 * The shapes that the modules share. There is no code here.
 *
 * @typedef {object} PeerInfo another member of the room, as the server tells of it
 * @property {string} peer its id, good until it has left
 * @property {string} [name]
 * @property {Record<string, unknown>} [metadata]
 * @property {boolean} polite the own role toward it in perfect negotiation: of two, the one who joined later is polite
 * @property {boolean} [away] its connection is lost; it may come back
 *
 * @typedef {object} Limits
 * @property {number} message bytes of one message
 * @property {number} rate messages a second; 0: no limit
 * @property {number} burst messages at once
 * @property {number} peers in a room
 * @property {number} unacknowledged the most messages without acknowledgement
 *
 * @typedef {{urls: string | string[], username?: string, credential?: string}} IceServer
 *
 * @typedef {{seq?: number, ack?: number}} Numbers
 *
 * @typedef {object} Welcome what joined and resumed have in common
 * @property {string} room
 * @property {string} peer the own id
 * @property {string} session a secret
 * @property {number} grace seconds that a lost connection may be away
 * @property {PeerInfo[]} peers the others
 * @property {IceServer[]} iceServers
 * @property {number} [iceServersExpire] seconds
 * @property {number} heartbeat seconds
 * @property {Limits} limits
 * @property {string[]} [may] of kick, lock, admit and close, what this peer has a right to
 *
 * @typedef {Welcome & Numbers & {type: "joined", locked?: boolean}} Joined
 * @typedef {Welcome & Numbers & {type: "resumed", received: number, complete: boolean}} Resumed
 *
 * @typedef {RTCIceCandidateInit | string | null} WireCandidate
 * @typedef {Numbers & {type: "offer" | "answer", from: string, sdp?: string, answers?: unknown}} Description without sdp where it is
 *   sealed. answers: of an answer, which offer it is to: what originOf gives for that
 * @typedef {Numbers & {type: "candidate", from: string, candidate?: WireCandidate}} Candidate
 * @typedef {Description | Candidate} Signal
 * @typedef {Numbers & {type: "message", from: string, data: unknown, label?: unknown}} Message
 *
 * @typedef {Numbers & PeerInfo & {type: "peer-joined"}} PeerJoined
 * @typedef {Numbers & {type: "peer-away" | "peer-back", peer: string}} PeerMoved
 * @typedef {Numbers & {type: "peer-left", peer: string, reason: string}} PeerLeft
 * @typedef {Numbers & {type: "peer-updated", peer: string, name?: string | null, metadata?: Record<string, unknown> | null}} PeerUpdated
 * @typedef {PeerJoined | PeerMoved | PeerLeft | PeerUpdated} Presence
 *
 * @typedef {Numbers & {type: "undelivered", to: string, of?: number, code: string}} Undelivered
 * @typedef {Numbers & {type: "ice-servers", iceServers: IceServer[], iceServersExpire?: number}} IceServers
 * @typedef {Numbers & {type: "knock", knock: string, name?: string, over?: boolean}} Knock
 * @typedef {Numbers & {type: "room-updated", locked: boolean}} RoomUpdated
 * @typedef {Numbers & {type: "announcement", data: unknown}} Announcement
 * @typedef {Numbers & {type: "draining", within: number}} Draining
 * @typedef {Numbers & {type: "error", code: string, message: string, of?: number, retryAfter?: number}} Refusal
 * @typedef {Numbers & {type: "ack" | "pong" | "waiting"}} Plain
 * @typedef {Numbers & {type: "", message: Record<string, unknown>}} Unknown a message of a type that this client does not know
 *
 * @typedef {Joined | Resumed | Signal | Message | Presence | Undelivered | IceServers | Knock | RoomUpdated | Announcement | Draining | Refusal | Plain | Unknown} ServerMessage
 *
 * @typedef {object} Sent a message that was sent and is now told to be lost
 * @property {number} id what the sending method returned
 * @property {string} type
 * @property {string | undefined} to a peer; undefined for everyone and for what was meant for the server
 * @property {unknown} data of a message
 *
 * @typedef {object} State how the connection to the server is
 * @property {"connecting" | "knocking" | "open" | "reconnecting" | "closed"} status connecting: before the first join. knocking:
 *   somebody in the room has to admit us. reconnecting: lost, and sought again. closed: over
 * @property {number} [attempt] to connect, from 1
 * @property {number} [in] ms until that attempt; 0: now
 * @property {import("./codes.js").ParleyError} [error] why the connection was lost, or is closed where that was not wished
 *
 * @typedef {object} Owner what a connection asks, and whom it tells
 * @property {() => Promise<string>} url
 * @property {() => Promise<string>} hello the first message: resume or join
 * @property {(text: string) => void} received may throw what breaks the protocol
 * @property {() => void} live what waits can be sent
 * @property {() => void} leaving what waits is to be sent, then leave
 * @property {() => string} farewell leave
 * @property {() => void} forget the session is over
 * @property {() => number} grace ms that the session outlives its connection; 0: there is none
 * @property {(state: State) => void} changed
 * @property {boolean} renewable a token that was refused can be had anew
 * @property {number} patience ms for which the first join is tried
 */

export {};
