package media

import (
	"bytes"
	_ "embed" // the clip is part of the program
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// The clip's files; make-clip.sh makes them anew.
var (
	//go:embed clip.ivf
	clipVideo []byte
	//go:embed clip.ogg
	clipAudio []byte
)

// Clip is a few seconds of VP8 video and Opus audio: what a Sender sends, and what a Verifier recognises. It does not
// change once loaded, so one Clip serves any number of senders and verifiers.
type Clip struct {
	frames        []frame
	frameInterval time.Duration
	packets       [][]byte
	packetLength  time.Duration
	// pictures are the clip's own key frames as decoded, by their sum.
	pictures map[[32]byte]struct{}
}

// frame is one encoded VP8 frame.
type frame struct {
	data []byte
	key  bool
}

// LoadClip reads the clip that the program carries. An error means that the program was built with broken clip files.
func LoadClip() (*Clip, error) {
	c := &Clip{pictures: make(map[[32]byte]struct{})}
	if err := c.readVideo(clipVideo); err != nil {
		return nil, fmt.Errorf("clip.ivf: %w", err)
	}
	if err := c.readAudio(clipAudio); err != nil {
		return nil, fmt.Errorf("clip.ogg: %w", err)
	}
	return c, nil
}

// readVideo takes the frames out of an IVF file and decodes its key frames.
func (c *Clip) readVideo(file []byte) error {
	reader, header, err := ivfreader.NewWith(bytes.NewReader(file))
	if err != nil {
		return err
	}
	c.frameInterval = time.Duration(header.TimebaseNumerator) * time.Second / time.Duration(header.TimebaseDenominator)
	for {
		data, _, err := reader.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		key, err := checkFrame(data)
		if err != nil {
			return err
		}
		if key {
			pic, err := decodeKeyFrame(data)
			if err != nil {
				return err
			}
			c.pictures[pic.sum] = struct{}{}
		}
		c.frames = append(c.frames, frame{data: data, key: key})
	}
	if len(c.frames) == 0 || !c.frames[0].key {
		return errors.New("the first frame is not a key frame")
	}
	return nil
}

// readAudio takes the Opus packets, one a page, out of an Ogg file.
func (c *Clip) readAudio(file []byte) error {
	reader, _, err := oggreader.NewWith(bytes.NewReader(file))
	if err != nil {
		return err
	}
	for {
		page, header, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if _, isHeader := header.HeaderType(page); isHeader {
			continue
		}
		length, err := opusDuration(page)
		if err != nil {
			return err
		}
		if c.packetLength != 0 && length != c.packetLength {
			return fmt.Errorf("a packet of %v among packets of %v", length, c.packetLength)
		}
		c.packetLength = length
		c.packets = append(c.packets, page)
	}
	if len(c.packets) == 0 {
		return errors.New("no Opus packet")
	}
	return nil
}
