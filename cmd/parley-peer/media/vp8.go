package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"slices"

	"golang.org/x/image/vp8"
)

const (
	// maxPixels bounds what a key frame's ten-byte header can make the decoder allocate and go through.
	maxPixels = 4096 * 2304
	// blankSpread is how far apart, of 255, the darkest and the lightest pixel of a picture with something on it are.
	blankSpread = 16

	frameTag  = 3  // bytes, on every VP8 frame
	keyHeader = 10 // bytes, on a key frame, the tag included
)

// picture is what is kept of a decoded key frame.
type picture struct {
	width, height int
	blank         bool
	// sum is the SHA-256 of the three decoded planes. VP8 leaves a decoder no freedom, so that equal frames have equal
	// sums whoever decodes them.
	sum [32]byte
}

// checkFrame reads the header of an encoded VP8 frame, RFC 6386 section 9.1, and says whether it is a key frame.
func checkFrame(data []byte) (key bool, err error) {
	if len(data) < frameTag {
		return false, fmt.Errorf("vp8: a frame of %d bytes", len(data))
	}
	tag := int(data[0]) | int(data[1])<<8 | int(data[2])<<16
	key = tag&1 == 0
	header := frameTag
	if key {
		header = keyHeader
		if len(data) < keyHeader || !bytes.Equal(data[3:6], []byte{0x9d, 0x01, 0x2a}) {
			return false, errors.New("vp8: a key frame without its start code")
		}
	}
	if version := tag >> 1 & 7; version > 3 {
		return false, fmt.Errorf("vp8: version %d is not known", version)
	}
	if first := tag >> 5; first > len(data)-header {
		return false, errors.New("vp8: the first partition is longer than the frame")
	}
	return key, nil
}

// decodeKeyFrame decodes an encoded VP8 key frame that may come from anyone. The decoder checks every length itself
// and its tables cover every value that bits can form (FuzzKeyFrame); the one thing it leaves open is the size of the
// picture.
func decodeKeyFrame(data []byte) (picture, error) {
	key, err := checkFrame(data)
	if err != nil {
		return picture{}, err
	}
	if !key {
		return picture{}, errors.New("vp8: not a key frame")
	}
	width := int(binary.LittleEndian.Uint16(data[6:]) & 0x3fff)
	height := int(binary.LittleEndian.Uint16(data[8:]) & 0x3fff)
	if width == 0 || height == 0 || width*height > maxPixels {
		return picture{}, fmt.Errorf("vp8: a picture of %dx%d", width, height)
	}
	// A new decoder each time: a used one hands out the old picture's size when the new picture is smaller.
	decoder := vp8.NewDecoder()
	decoder.Init(bytes.NewReader(data), len(data))
	if _, err := decoder.DecodeFrameHeader(); err != nil {
		return picture{}, fmt.Errorf("vp8: %w", err)
	}
	img, err := decoder.DecodeFrame()
	if err != nil {
		return picture{}, fmt.Errorf("vp8: %w", err)
	}
	return examine(img), nil
}

// examine sums up a decoded picture, without the rows and columns that only fill up its last macroblocks.
func examine(img *image.YCbCr) picture {
	size := img.Rect.Size()
	sum := sha256.New()
	darkest, lightest := byte(255), byte(0)
	for y := range size.Y {
		row := img.Y[y*img.YStride:][:size.X]
		darkest = min(darkest, slices.Min(row))
		lightest = max(lightest, slices.Max(row))
		sum.Write(row)
	}
	for _, plane := range [][]byte{img.Cb, img.Cr} {
		for y := range (size.Y + 1) / 2 {
			sum.Write(plane[y*img.CStride:][:(size.X+1)/2])
		}
	}
	p := picture{width: size.X, height: size.Y, blank: int(lightest)-int(darkest) < blankSpread}
	sum.Sum(p.sum[:0])
	return p
}
