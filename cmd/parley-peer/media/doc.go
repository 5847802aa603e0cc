// Package media is the media side of parley-peer, the headless pion peer: it makes the pion API with the codecs that
// every browser has (NewAPI), sends a small clip of its own in a loop (Sender), verifies what arrives from the other
// side down to a decoded picture and to packets that agree with their clock (Verifier), sends a peer's media back to it
// (Echo), and writes it to files (Recorder). It knows nothing of signaling: cmd/parley-peer calls it, negotiates and owns
// the peer connections.
//
//	sender.AddTo(pc)                            // before the offer or answer is made
//	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
//		verifier.Track(t, r, pc)
//	})
//	<-verifier.Done()                           // or verifier.Missing() says in words what did not arrive
//
// Sender, Verifier, Echo and Recorder each own the goroutines that they start; Close ends and joins them and may be called
// before or after the peer connections are closed.
package media
