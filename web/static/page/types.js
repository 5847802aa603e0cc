/**
 * The shapes that the page's modules share. There is no code here.
 *
 * @typedef {"landing" | "green" | "room" | "after"} Screen
 * @typedef {"chat" | "people" | "invite" | "settings" | "help"} Panel
 * @typedef {"password" | "token"} Secret
 * @typedef {"connecting" | "direct" | "relayed" | "failed"} Path how, or whether, media goes to and from a peer
 *
 * @typedef {object} Source what the own camera or microphone is
 * @property {"none" | "device" | "test"} kind test: the moving test picture and the quiet tone
 * @property {boolean} on whether the others get it
 * @property {boolean} busy it is being opened
 * @property {string | null} problem why there is none: a key of the table of words
 *
 * @typedef {object} StreamInfo a stream that a peer sends
 * @property {string} id
 * @property {boolean} audio
 * @property {boolean} video
 *
 * @typedef {object} Facts what the statistics say of a tile, over the last second or two
 * @property {Path} path
 * @property {number | null} roundTrip ms
 * @property {number | null} loss of what should have come, 0 to 1
 * @property {number} width
 * @property {number} height
 * @property {number} rate bit/s received
 * @property {number[]} history of the rate, the newest last
 *
 * @typedef {object} Peer another one in the room
 * @property {string} id
 * @property {string} name
 * @property {boolean | null} mic whether it says that its microphone is on; null where it says nothing
 * @property {boolean | null} camera
 * @property {string | null} screen the id of the stream that is its screen
 * @property {boolean} away
 * @property {Path} path
 * @property {StreamInfo[]} streams
 *
 * @typedef {object} Line of the chat
 * @property {number} id
 * @property {string} from a peer's id, "" for oneself
 * @property {string} name
 * @property {string} text
 * @property {number} time ms since 1970
 *
 * @typedef {object} Knock somebody who waits to be let in
 * @property {string} knock
 * @property {string} name
 *
 * @typedef {object} Toast
 * @property {number} id
 * @property {string} text
 * @property {"calm" | "warn"} tone
 * @property {boolean} chat it repeats a line of the chat
 *
 * @typedef {object} Device
 * @property {string} id
 * @property {string} label
 * @property {"camera" | "mic" | "speaker"} kind
 *
 * @typedef {object} Trouble that stands until it is over or put away
 * @property {string} code a key of the table of words
 * @property {string} [detail] what the server said
 *
 * @typedef {object} State
 * @property {Screen} screen
 * @property {string} room
 * @property {string} name
 * @property {string[]} visited rooms, the last one first
 * @property {Source} mic
 * @property {Source} camera
 * @property {Device[]} devices
 * @property {{camera: string, mic: string, speaker: string}} chosen device ids, "" for the system's choice
 * @property {string | null} sharing the id of the own screen's stream
 * @property {"idle" | "joining" | "knocking" | "open" | "reconnecting"} connection knocking: somebody has to let one in
 * @property {boolean} draining the server is restarting
 * @property {boolean} relay whether the server gave a relay
 * @property {Trouble | null} trouble
 * @property {readonly string[]} may of kick, lock, admit and close, what one has a right to
 * @property {readonly Knock[]} knocks of those who wait to be let in
 * @property {boolean} locked the room lets nobody new in
 * @property {Secret | null} asks what the server wants to be told before it lets one in
 * @property {string} self the own id
 * @property {Record<string, Peer>} peers
 * @property {string[]} order of the peers' coming
 * @property {string | null} pinned a tile's key
 * @property {string[]} inspected the keys of tiles that show their facts
 * @property {Panel | null} panel
 * @property {Line[]} chat
 * @property {number} unread
 * @property {Toast[]} toasts
 * @property {number} counter for ids
 * @property {number} startedAt ms since 1970
 * @property {number} endedAt
 *
 * @typedef {import("./state.js").Action} Action
 * @typedef {(action: Action) => void} Dispatch
 */

export {};
