package media

// rtpCount tells lost packets from late ones by sequence number, as RFC 3550 appendix A.3 does.
type rtpCount struct {
	received uint64
	// lowest and highest are sequence numbers without the wrap at 16 bits.
	lowest, highest int64
}

// add counts a packet. ahead is how far it is after the newest packet before it: 1 for the next in order, more after a
// gap, 0 or less for one that was sent twice or comes late. The first packet counts as 1.
func (c *rtpCount) add(seq uint16) (ahead int) {
	c.received++
	if c.received == 1 {
		c.lowest, c.highest = int64(seq), int64(seq)
		return 1
	}
	ahead = int(int16(seq - uint16(c.highest)))
	at := c.highest + int64(ahead)
	c.lowest = min(c.lowest, at)
	c.highest = max(c.highest, at)
	return ahead
}

// lost is the number of packets that have not come. Packets that came twice can hide some.
func (c *rtpCount) lost() uint64 {
	if c.received == 0 {
		return 0
	}
	expected := uint64(c.highest-c.lowest) + 1
	return expected - min(expected, c.received)
}
