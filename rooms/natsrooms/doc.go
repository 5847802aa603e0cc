// Package natsrooms is the engine for many nodes: one set of rooms in NATS JetStream, shared by every node that is given the
// same servers and the same prefix. Command parley makes it in place of rooms.Memory, and nothing above sees a difference.
//
//	node A                         NATS JetStream                          node B
//	Send ── publish ──────────▶ box: a memory stream, in shards ──────────▶ one consumer for box.B.> ── inbox ── Next
//	        ◀── stored ──────── box.<shard>.<node where the peer joined>.<peer>
//	Join ── compare-and-set ──▶ rooms: a key a room: members, in order
//	        create ───────────▶ peers: a key a peer: name, metadata, session, owner and epoch
//	renew ── put ─────────────▶ nodes: a key a node, its lease ◀── polled by all; who finds one dead sweeps it
//
// A mailbox is a subject that never changes while its peer lives. Its order is the order of the peer's events, and the number
// that the client sees is the position in the stream times 1,024, so that every node gives the same; what a node has to say by
// itself takes the numbers in between. A node has one consumer for all mailboxes of its own, and one for those of another node
// only while it holds peers that joined there. So nothing in NATS is there for a peer but its subject and its key.
//
// The owner of a session is the node that holds its inbox and connection. Another one takes the session over by a
// compare-and-set on the peer's key, and then writes a moved notice into the mailbox: what lies before the notice was the
// former owner's to refuse, what lies behind it is the new one's, and the former owner, when it reads the notice, cuts its
// connection. The new owner reads what the client has not received up to its own notice, and goes on with what its consumer
// delivers behind it. Nothing is guessed, and no clocks are compared.
//
// Every message is published under an id made of its sender, the sender's number and its receiver, and published again under
// it until NATS has answered. A sender's next message waits for that, so that nothing overtakes; a repeat, from wherever, is
// known by its id for longer than a session can be lost. Presence is published likewise, by the one whose compare-and-set has
// changed the room, before a join is answered.
package natsrooms
