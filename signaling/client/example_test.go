package client_test

import (
	"context"
	"fmt"
	"log"

	"parley/signaling/client"
)

// Two peers meet in a room. The newcomer makes the first offer.
func Example() {
	url, stop := serve()
	defer stop()
	ctx := context.Background()

	ann, err := client.Join(ctx, client.Config{URL: url, Room: "lobby", Name: "Ann"})
	if err != nil {
		log.Fatal(err)
	}
	defer ann.Close()
	go func() {
		for {
			event, err := ann.Next(ctx)
			if err != nil {
				return // it has ended
			}
			if s, ok := event.(client.Signal); ok && s.Type == "offer" {
				// A real peer gives s.SDP to its WebRTC stack, and gets the answer from there.
				if _, err := ann.Answer(ctx, s.From, "v=0 (Ann's answer)"); err != nil {
					return
				}
			}
		}
	}()

	bob, err := client.Join(ctx, client.Config{URL: url, Room: "lobby", Name: "Bob"})
	if err != nil {
		log.Fatal(err)
	}
	for {
		event, err := bob.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		switch e := event.(type) {
		case client.Joined:
			for _, p := range e.Peers {
				if _, err := bob.Offer(ctx, p.Peer, "v=0 (Bob's offer)"); err != nil {
					log.Fatal(err)
				}
			}
		case client.Signal:
			fmt.Println(e.Type, "from", e.From+":", e.SDP)
			go bob.Leave(ctx) // its end is the Ended event
		case client.Ended:
			fmt.Println("ended:", e.Err)
			return
		}
	}
	// Output:
	// answer from peer-1: v=0 (Ann's answer)
	// ended: <nil>
}

// Both sides offer at once. The polite one takes its offer back, answers, and then offers again.
func ExampleNegotiation() {
	const offer, answer, stable = true, false, true

	// Bob came later: the server tells him that he is polite toward Ann, and her that she is not toward Bob.
	ann, bob := client.NewNegotiation(false), client.NewNegotiation(true)

	for _, n := range []*client.Negotiation{ann, bob} {
		n.BeginOffer()
		// pc.SetLocalDescription(offer); c.Offer(ctx, peer, sdp)
		n.EndOffer()
	}

	fmt.Println("Ann on Bob's offer:", ann.Describe(offer, !stable))
	fmt.Println("Ann passes over the errors of its candidates:", ann.IgnoreCandidateError())

	fmt.Println("Bob on Ann's offer:", bob.Describe(offer, !stable))
	// pc.SetLocalDescription(rollback); pc.SetRemoteDescription(offer); pc.SetLocalDescription(answer); c.Answer(ctx, peer, sdp)
	bob.Described()

	fmt.Println("Ann on Bob's answer:", ann.Describe(answer, !stable))
	// pc.SetRemoteDescription(answer)
	ann.Described()

	fmt.Println("Bob offers again:", bob.OfferAgain())
	// Output:
	// Ann on Bob's offer: ignore
	// Ann passes over the errors of its candidates: true
	// Bob on Ann's offer: rollback
	// Ann on Bob's answer: accept
	// Bob offers again: true
}
