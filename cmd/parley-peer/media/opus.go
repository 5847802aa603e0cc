package media

import (
	"errors"
	"fmt"
	"time"
)

// Limits of an Opus packet, RFC 6716 section 3.2.1 and requirement R5 of section 3.4.
const (
	maxOpusFrame  = 1275 // bytes
	maxOpusPacket = 120 * time.Millisecond
)

var errOpusShort = errors.New("opus: the packet ends before its frames do")

// opusDuration checks that p is a well-formed Opus packet by the rules of RFC 6716 section 3.4 and says how much
// audio it holds at 48 kHz. It reads the framing only: what is inside a frame is the decoder's matter.
func opusDuration(p []byte) (time.Duration, error) {
	if len(p) == 0 {
		return 0, errors.New("opus: an empty packet")
	}
	var frames int
	var err error
	body := p[1:]
	switch p[0] & 3 {
	case 0:
		frames, err = 1, checkOpusFrame(len(body))
	case 1:
		frames = 2
		if len(body)%2 != 0 {
			return 0, errors.New("opus: two frames of equal size in an odd number of bytes")
		}
		err = checkOpusFrame(len(body) / 2)
	case 2:
		frames, err = 2, checkOpusPair(body)
	case 3:
		frames, err = checkOpusMany(body)
	}
	if err != nil {
		return 0, err
	}
	d := time.Duration(frames) * opusFrameDuration(p[0]>>3)
	if d > maxOpusPacket {
		return 0, fmt.Errorf("opus: a packet of %v is longer than %v", d, maxOpusPacket)
	}
	return d, nil
}

// opusFrameDuration is the length of one frame for a configuration number (0 to 31), RFC 6716 table 2.
func opusFrameDuration(config byte) time.Duration {
	step := config & 3
	switch {
	case config < 12: // SILK
		return [4]time.Duration{10, 20, 40, 60}[step] * time.Millisecond
	case config < 16: // hybrid
		return [2]time.Duration{10, 20}[step&1] * time.Millisecond
	default: // CELT
		return 2500 * time.Microsecond << step
	}
}

func checkOpusFrame(size int) error {
	if size > maxOpusFrame {
		return fmt.Errorf("opus: a frame of %d bytes is larger than %d", size, maxOpusFrame)
	}
	return nil
}

// checkOpusPair checks code 2: one length, then two frames.
func checkOpusPair(body []byte) error {
	size, rest, err := opusLength(body)
	if err != nil {
		return err
	}
	if size > len(rest) {
		return errOpusShort
	}
	return checkOpusFrame(len(rest) - size)
}

// checkOpusMany checks code 3: a count byte, perhaps padding, perhaps lengths, then up to 48 frames.
func checkOpusMany(body []byte) (int, error) {
	if len(body) == 0 {
		return 0, errOpusShort
	}
	count := int(body[0] & 0x3f)
	vbr, padded := body[0]&0x80 != 0, body[0]&0x40 != 0
	if count == 0 {
		return 0, errors.New("opus: a packet of no frames")
	}
	rest, err := body[1:], error(nil)
	if padded {
		if rest, err = cutOpusPadding(rest); err != nil {
			return 0, err
		}
	}
	if !vbr {
		if len(rest)%count != 0 {
			return 0, fmt.Errorf("opus: %d frames of equal size in %d bytes", count, len(rest))
		}
		return count, checkOpusFrame(len(rest) / count)
	}
	sum := 0
	for range count - 1 {
		var size int
		if size, rest, err = opusLength(rest); err != nil {
			return 0, err
		}
		sum += size
	}
	if sum > len(rest) {
		return 0, errOpusShort
	}
	return count, checkOpusFrame(len(rest) - sum)
}

// opusLength reads a frame length of one or two bytes, RFC 6716 section 3.2.1.
func opusLength(p []byte) (size int, rest []byte, err error) {
	if len(p) == 0 {
		return 0, nil, errOpusShort
	}
	if p[0] < 252 {
		return int(p[0]), p[1:], nil
	}
	if len(p) < 2 {
		return 0, nil, errOpusShort
	}
	return int(p[1])*4 + int(p[0]), p[2:], nil
}

// cutOpusPadding reads the padding length and takes that padding off the end, RFC 6716 section 3.2.5.
func cutOpusPadding(p []byte) ([]byte, error) {
	padding := 0
	for i, b := range p {
		if b == 255 {
			padding += 254
			continue
		}
		padding += int(b)
		p = p[i+1:]
		if padding > len(p) {
			return nil, errOpusShort
		}
		return p[:len(p)-padding], nil
	}
	return nil, errOpusShort
}
